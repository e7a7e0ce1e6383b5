import { significant, floorPercent, percent, time } from "../format";
import { GOOD, NOT_INSPECTED, finished, run } from "../store";
import { text } from "../text";
import type { DieMap, Run, WaferSummary } from "../types";
import { LastDefects } from "./Defects";
import { VerdictMark } from "./icons";
import { DieSheet, LastWafers, Legend, Tiles, type Figures } from "./Info";
import { map, recorded, selected } from "./navigation";
import { Trend } from "./Trend";
import { WaferMap } from "./WaferMap";

// Main is a wafer with all that is known of it: the one on the chuck, or a
// recorded one.
export function Main() {
  const shown = map.value;
  if (!shown) return <NoWafer />;
  const summary = summaryShown();
  const figures = summary ? figuresOf(summary) : figuresSoFar(shown);
  const title = titleOf(summary);
  return (
    <div class="wafer">
      <div class="left">
        <Heading title={title} summary={summary} />
        <WaferMap map={shown} field={recorded.value ? -1 : (run.value?.field ?? -1)} title={title.join("  ")} figures={figureLine(figures)} />
      </div>
      {selected.value ? (
        <div class="info"><DieSheet map={shown} /></div>
      ) : (
        <div class="info">
          <Tiles figures={figures} />
          <Legend map={shown} />
          <Trend />
          <LastWafers />
          <LastDefects defects={shown.defects} total={shown.defects_total} />
        </div>
      )}
    </div>
  );
}

function NoWafer() {
  return (
    <div class="wafer">
      <div class="empty panel">{text.value.noWafer}</div>
      <div class="info idle"><Trend /><LastWafers /></div>
    </div>
  );
}

// summaryShown is of a recorded wafer, or of the one on the chuck once it is
// finished.
function summaryShown(): WaferSummary | null {
  if (recorded.value) return recorded.value.summary;
  const id = run.value?.wafer ?? 0;
  return id === 0 ? null : (finished.value.find((w) => w.id === id) ?? null);
}

// titleOf has the wafer's own name first: where room is short, the rest goes.
function titleOf(summary: WaferSummary | null): [substrate: string, place: string] {
  const w: WaferSummary | Run | null = summary ?? run.value;
  return w ? [w.substrate || "–", `${w.lot || "–"} / ${w.slot || "–"}`] : ["", ""];
}

function figuresOf(s: WaferSummary): Figures {
  return { yield: s.yield, defects: s.defects, density: s.density_per_cm2, coverage: s.coverage, missed: s.dies - s.inspected, running: false };
}

function figuresSoFar(m: DieMap): Figures {
  const of = (bin: number) => m.legend.find((l) => l.bin === bin)?.count ?? 0;
  const inspected = m.legend.reduce((sum, l) => sum + l.count, 0) - of(NOT_INSPECTED);
  const area = (inspected * m.geometry.die_width_mm * m.geometry.die_height_mm) / 100;
  return {
    yield: inspected ? of(GOOD) / inspected : null,
    defects: m.defects_total,
    density: area ? m.defects_total / area : null,
    coverage: m.bins.length ? inspected / m.bins.length : null,
    missed: of(NOT_INSPECTED),
    running: true,
  };
}

function figureLine(f: Figures): string {
  const t = text.value;
  return `${t.yield} ${percent(f.yield)} · ${t.defects} ${f.defects} · ${t.density} ${significant(f.density)} ${t.perArea} · ${t.coverage} ${floorPercent(f.coverage)}`;
}

function Heading({ title: [substrate, place], summary }: { title: [string, string]; summary: WaferSummary | null }) {
  const t = text.value;
  const r = run.value;
  const state = recorded.value ? `${t.recorded}, ${time(recorded.value.summary.finished)}` : summary ? t.done : t.onChuck;
  return (
    <div class={`heading${recorded.value ? " recorded" : ""}`}>
      <strong>{substrate}</strong>
      <span class="place">{place}</span>
      <span class="phase">{state}</span>
      {summary ? <Verdict verdict={summary.verdict} /> : r && <Progress run={r} />}
    </div>
  );
}

function Verdict({ verdict }: { verdict: WaferSummary["verdict"] }) {
  return <span class={`verdict ${verdict}`}><VerdictMark verdict={verdict} />{text.value.verdicts[verdict]}</span>;
}

function Progress({ run: r }: { run: Run }) {
  const t = text.value;
  return (
    <span class="progress">
      {r.fields > 0 && <progress max={r.fields} value={r.fields_done} />}
      <span>{t.fields} {r.fields_done}{r.fields > 0 && `/${r.fields}`}</span>
      {r.fields_lost > 0 && <b class="lost">▲ {r.fields_lost} {t.lost}</b>}
    </span>
  );
}
