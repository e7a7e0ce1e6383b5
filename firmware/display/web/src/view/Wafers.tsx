import { floorPercent, percent, significant, time } from "../format";
import { finished } from "../store";
import { text } from "../text";
import type { WaferSummary } from "../types";
import { VerdictMark } from "./icons";
import { openWafer } from "./navigation";

// WafersView lists the finished wafers; a tap shows one.
export function WafersView() {
  const t = text.value;
  if (finished.value.length === 0) return <div class="empty">{t.noFinished}</div>;
  return (
    <div class="wafers">
      <div class="row head">
        <span>{t.verdict}</span><span>{t.lot}</span><span class="n">{t.slot}</span><span>{t.wafer}</span><span class="n">{t.yield}</span>
        <span class="n">{t.defects}</span><span class="n">{t.density}</span><span class="n">{t.coverage}</span><span class="n">{t.finished}</span>
      </div>
      <div class="scroll">{finished.value.map((w) => <Row key={w.id} wafer={w} />)}</div>
    </div>
  );
}

function Row({ wafer: w }: { wafer: WaferSummary }) {
  return (
    <button class="row" data-wafer={w.id} onClick={() => void openWafer(w.id)}>
      <span class={`verdict ${w.verdict}`}><VerdictMark verdict={w.verdict} />{text.value.verdicts[w.verdict]}</span>
      <span>{w.lot}</span><span class="n">{w.slot || "–"}</span><span>{w.substrate}</span><span class="n">{percent(w.yield)}</span>
      <span class="n">{w.defects}</span><span class="n">{significant(w.density_per_cm2)}</span>
      <span class={`n${w.verdict === "incomplete" ? " abnormal" : ""}`}>{floorPercent(w.coverage)}</span><span class="n">{time(w.finished)}</span>
    </button>
  );
}
