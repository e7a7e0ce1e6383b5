import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { finished } from "../store";
import { text } from "../text";
import { ink } from "../palette";
import type { WaferSummary } from "../types";

const SHOWN = 50;
const grid = { stroke: "#b3b7ba", width: 1 };
const font = "13px sans-serif";

// Trend is the yield of the last wafers, oldest at the left. A gap or a point
// out of line is what the eye should find.
export function Trend() {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  useEffect(() => {
    const element = box.current!;
    const made = new uPlot(options(element), data(finished.peek()), element);
    plot.current = made;
    const sizes = new ResizeObserver(() => made.setSize(size(element)));
    sizes.observe(element);
    return () => {
      sizes.disconnect();
      made.destroy();
    };
  }, []);
  useEffect(() => plot.current?.setData(data(finished.value)), [finished.value]);
  return (
    <section class="panel trend">
      <h2>{text.value.yieldTrend}<span>%</span></h2>
      <div class="plot" ref={box} />
    </section>
  );
}

const size = (e: HTMLElement) => ({ width: e.clientWidth, height: Math.max(e.clientHeight, 20) });

function data(wafers: WaferSummary[]): uPlot.AlignedData {
  const shown = wafers.slice(0, SHOWN).reverse();
  const share = (w: WaferSummary) => (w.yield === null ? null : 100 * w.yield);
  return [shown.map((_, n) => n), shown.map(share), shown.map((w) => (w.verdict === "good" ? null : share(w)))];
}

function options(element: HTMLElement): uPlot.Options {
  return {
    ...size(element),
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 10, 9, 0],
    scales: { x: { time: false, range: (_, low, high) => [low, Math.max(high, low + 9)] }, y: { range: (_, low, high) => span(low, high) } },
    axes: [{ show: false }, { stroke: ink, font, size: 40, grid, ticks: { show: false }, space: 16, values: (_, at) => at.map((v) => String(Math.round(v * 10) / 10)) }],
    series: [
      {},
      { stroke: ink, width: 1.5, points: { show: true, size: 6, fill: ink } },
      { stroke: ink, width: 0, points: { show: true, size: 13, width: 1.5, stroke: ink, fill: "#f5c400" } }, // bad and incomplete wafers
    ],
  };
}

// span shows at least five points of yield, so that noise does not look like a fall.
function span(low: number | null, high: number | null): [number, number] {
  if (low === null || high === null) return [0, 100];
  const middle = (low + high) / 2;
  const half = Math.max(2.5, (high - low) * 0.7);
  const top = Math.min(100.5, middle + half);
  return [Math.max(0, top - 2 * half), top];
}
