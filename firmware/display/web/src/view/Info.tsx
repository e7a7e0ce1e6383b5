import { dieIndex, floorPercent, percent, significant, time } from "../format";
import { defectsOf } from "../map/canvas";
import { lookOf } from "../palette";
import { GOOD, NOT_INSPECTED, PENDING, finished } from "../store";
import { binName, text } from "../text";
import type { BinCount, DieMap, WaferSummary } from "../types";
import { DefectRow } from "./Defects";
import { Icon, VerdictMark } from "./icons";
import { openWafer, selected } from "./navigation";

// Figures are a wafer's numbers, so far or in the end.
export interface Figures { yield: number | null; defects: number; density: number | null; coverage: number | null; missed: number; running: boolean }

export function Tiles({ figures: f }: { figures: Figures }) {
  const t = text.value;
  return (
    <section class="panel tiles">
      <Tile name={t.yield} value={percent(f.yield)} />
      <Tile name={t.defects} value={String(f.defects)} />
      <Tile name={`${t.density} ${t.perArea}`} value={significant(f.density)} />
      {f.running ? (
        <Tile name={t.notInspected} value={String(f.missed)} abnormal={f.missed > 0} />
      ) : (
        <Tile name={t.coverage} value={floorPercent(f.coverage)} abnormal={f.missed > 0} />
      )}
    </section>
  );
}

function Tile({ name, value, abnormal }: { name: string; value: string; abnormal?: boolean }) {
  return (
    <div class={`tile${abnormal ? " abnormal" : ""}`}>
      <span>{name}</span>
      <strong>{value}</strong>
    </div>
  );
}

export function Legend({ map }: { map: DieMap }) {
  const t = text.value;
  const done = map.legend.reduce((sum, l) => sum + l.count, 0);
  const lines = [...map.legend, { bin: PENDING, name: "", count: map.bins.length - done }];
  return (
    <section class="panel legend">
      <h2>{t.bins}<span>{map.bins.length}</span></h2>
      <ul class="scroll">{lines.map((l) => <LegendLine key={l.bin} line={l} />)}</ul>
    </section>
  );
}

function LegendLine({ line: { bin, name, count } }: { line: BinCount }) {
  return (
    <li class={bin > GOOD && count === 0 ? "none" : ""} data-bin={bin}>
      <Swatch bin={bin} />
      <span>{binName(bin, name)}</span>
      <b>{count}</b>
    </li>
  );
}

// Swatch looks as the die does on the map.
export function Swatch({ bin }: { bin: number }) {
  const look = lookOf(bin);
  return (
    <svg class="swatch" width="24" height="24" viewBox="0 0 24 24" aria-hidden="true">
      <rect x="1" y="1" width="22" height="22" fill={look.fill} class={look.hollow ? "hollow" : ""} />
      {look.stripes === 1 && <path d="M0 12 12 0M6 24 24 6" />}
      {look.stripes === 2 && <path d="M0 12 12 24M6 0 24 18" />}
      {bin === NOT_INSPECTED && <path d="M1 1l22 22M1 23 23 1" />}
      {bin > GOOD && <text x="12" y="17.5" fill={look.text}>{bin}</text>}
    </svg>
  );
}

// DieSheet is what is known of the die that was tapped.
export function DieSheet({ map }: { map: DieMap }) {
  const t = text.value;
  const die = selected.value!;
  const n = map.geometry.dies.findIndex(([c, r]) => c === die.column && r === die.row);
  const bin = map.bins[n] ?? PENDING;
  const defects = defectsOf(map, die);
  return (
    <section class="panel die-sheet">
      <h2>
        {t.die} {dieIndex(die.column, die.row)}
        <button class="tool" aria-label={t.close} onClick={() => (selected.value = null)}><Icon name="close" /></button>
      </h2>
      <p class="bin"><Swatch bin={bin} /> {binName(bin, map.legend.find((l) => l.bin === bin)?.name ?? "")}</p>
      {map.reasons[n] && <p>{t.reason}: <span lang="en">{map.reasons[n]}</span></p>}
      <div class="scroll">
        {defects.length === 0 && <div class="empty">{t.noDefects}</div>}
        {defects.map((d) => <DefectRow key={d.number} defect={d} />)}
      </div>
    </section>
  );
}

// LastWafers is the short list beside the map, where there is room for it.
export function LastWafers() {
  const t = text.value;
  return (
    <section class="panel last-wafers">
      <h2>{t.lastWafers}</h2>
      <div class="scroll">{finished.value.slice(0, 20).map((w) => <LastWafer key={w.id} wafer={w} />)}</div>
    </section>
  );
}

function LastWafer({ wafer: w }: { wafer: WaferSummary }) {
  return (
    <button class="last-wafer" onClick={() => void openWafer(w.id)}>
      <VerdictMark verdict={w.verdict} />
      <span>{w.substrate}</span>
      <span>{percent(w.yield)}</span>
      <span>{time(w.finished)}</span>
    </button>
  );
}
