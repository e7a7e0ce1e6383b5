import { useRef } from "preact/hooks";
import { dieIndex, interval, microns, significant } from "../format";
import { className, text } from "../text";
import type { Defect } from "../types";
import { images, selected } from "./navigation";

const LAST = 20;

// LastDefects shows the newest first. While a finger is down it stands still, so
// that nobody selects what has just slipped under the finger.
export function LastDefects({ defects, total }: { defects: Defect[]; total: number }) {
  const held = useRef<Defect[] | null>(null);
  const last = held.current ?? defects.slice(-LAST).reverse();
  const release = () => (held.current = null);
  return (
    <section class="panel defects">
      <h2>{text.value.lastDefects}<span>{total}</span></h2>
      <div class="cards scroll" onPointerDown={() => (held.current = last)} onPointerUp={release} onPointerCancel={release} onPointerLeave={release}>
        {last.length === 0 && <div class="empty">{text.value.noDefects}</div>}
        {last.map((d) => <Card key={d.number} defect={d} />)}
      </div>
    </section>
  );
}

function Card({ defect: d }: { defect: Defect }) {
  return (
    <button class="card" onClick={() => (selected.value = { column: d.column, row: d.row })}>
      <Crop defect={d} />
      <strong>{className(d.class)}</strong>
      <small>{d.size_um > 0 ? size(d) : microns(Math.max(d.width_um, d.height_um))} {dieIndex(d.column, d.row)}</small>
    </button>
  );
}

// size is the length of a defect with its uncertainty.
const size = (d: Defect) => interval(d.size_um, d.size_uncertainty_um);

// Crop keeps its place whether or not there is a picture.
export function Crop({ defect: d }: { defect: Defect }) {
  if (!d.has_image) return <div class="crop none">{text.value.noImage}</div>;
  return <img class="crop" src={`${images.value}/${d.number}.png`} alt={className(d.class)} decoding="async" draggable={false} />;
}

// DefectRow is a defect with everything measured of it.
export function DefectRow({ defect: d }: { defect: Defect }) {
  return (
    <div class="defect">
      <Crop defect={d} />
      <div>
        <strong>{d.number} · {className(d.class)}</strong>
        <span>{microns(d.width_um)} × {microns(d.height_um)}</span>
        {d.size_um > 0 && <span>{text.value.size} {size(d)}</span>}
        <span>x {microns(d.x_um)}, y {microns(d.y_um)}</span>
        <small>{text.value.contrast} {significant(d.contrast_sigma, 2)} σ, {text.value.polarity[d.polarity] ?? d.polarity}, {d.confidence === null ? "–" : Math.round(100 * d.confidence)} %</small>
      </div>
    </div>
  );
}
