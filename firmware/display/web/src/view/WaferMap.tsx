import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { say } from "../commands";
import { MapCanvas } from "../map/canvas";
import { moved, turnView, whole, zoomed, type Point, type Size, type View } from "../map/geometry";
import { saveMap } from "../map/save";
import { text } from "../text";
import type { DieMap } from "../types";
import { Icon, type IconName } from "./icons";
import { selected } from "./navigation";

const TAP_PIXELS = 12; // a gloved finger does not stay where it was put down
const STEP = 1.6;

interface Props { map: DieMap; field: number; title: string; figures: string }

// WaferMap is the map with its tools. Fingers drag and pinch it, wheels zoom it,
// a tap selects a die.
export function WaferMap({ map, field, title, figures }: Props) {
  const base = useRef<HTMLCanvasElement>(null);
  const over = useRef<HTMLCanvasElement>(null);
  const canvas = useRef<MapCanvas | null>(null);
  const [view, setView] = useState<View>(whole);
  useLayoutEffect(() => {
    const made = new MapCanvas(base.current!, over.current!);
    canvas.current = made;
    return () => made.close();
  }, []);
  useLayoutEffect(() => canvas.current?.look(view), [view]);
  useLayoutEffect(() => canvas.current?.show({ map, field, selected: selected.value }), [map, map.defects, map.bins.length, field, selected.value]);
  const zoom = (factor: number, about?: Point) => setView((v) => zoomBy(canvas.current, v, factor, about));
  const gestures = useGestures(zoom, (dx, dy) => setView((v) => moveBy(canvas.current, v, dx, dy)), (p) => tap(canvas.current, p));
  return (
    <div class="map">
      <div class="tools">
        <Tool icon="zoomIn" name={text.value.zoomIn} onClick={() => zoom(STEP)} />
        <Tool icon="zoomOut" name={text.value.zoomOut} onClick={() => zoom(1 / STEP)} />
        <Tool icon="fit" name={text.value.fit} onClick={() => setView((v) => ({ ...whole, turn: v.turn }))} />
        <Tool icon="rotate" name={view.turn === 0 ? text.value.rotate : `${view.turn * 90}°`} onClick={() => setView(turnView)} />
        <Tool icon="save" name={text.value.save} onClick={() => void save(map, view, title, figures)} />
      </div>
      <div class="sheets" data-zoom={view.zoom.toFixed(2)} data-turn={view.turn}>
        <canvas ref={base} class="sheet" />
        <canvas ref={over} class="sheet over" role="img" aria-label={`${title}. ${figures}`} {...gestures} />
      </div>
    </div>
  );
}

function Tool({ icon, name, onClick }: { icon: IconName; name: string; onClick: () => void }) {
  return (
    <button class="tool" data-tool={icon} onClick={onClick}>
      <Icon name={icon} />
      <span>{name}</span>
    </button>
  );
}

function zoomBy(canvas: MapCanvas | null, v: View, factor: number, about?: Point): View {
  const scene = canvas?.scene();
  return scene ? zoomed(scene.model, v, scene.size, factor, about ?? middle(scene.size)) : v;
}

function moveBy(canvas: MapCanvas | null, v: View, dx: number, dy: number): View {
  const scene = canvas?.scene();
  return scene ? moved(v, scene.size, dx, dy) : v;
}

const middle = (s: Size): Point => ({ x: s.width / 2, y: s.height / 2 });

function tap(canvas: MapCanvas | null, p: Point): void {
  const die = canvas?.dieUnder(p);
  selected.value = die ? { column: die[0], row: die[1] } : null;
}

async function save(map: DieMap, view: View, title: string, figures: string): Promise<void> {
  try {
    await saveMap(map, view.turn, [title, figures], `kensa-${title}.png`);
  } catch (error) {
    say(`${text.value.failed}: ${String(error)}`);
  }
}

// useGestures tells taps, drags and pinches apart by how many fingers are down
// and how far they went.
function useGestures(zoom: (factor: number, about: Point) => void, drag: (dx: number, dy: number) => void, onTap: (p: Point) => void) {
  const fingers = useRef(new Map<number, Point>());
  const travelled = useRef(0);
  const place = (e: PointerEvent): Point => ({ x: e.offsetX, y: e.offsetY });
  return {
    onPointerDown: (e: PointerEvent) => {
      (e.currentTarget as Element).setPointerCapture(e.pointerId);
      if (fingers.current.size === 0) travelled.current = 0;
      else travelled.current = Infinity; // a second finger is no tap
      fingers.current.set(e.pointerId, place(e));
    },
    onPointerMove: (e: PointerEvent) => {
      const from = fingers.current.get(e.pointerId);
      if (!from) return;
      const to = place(e);
      const other = [...fingers.current].find(([id]) => id !== e.pointerId)?.[1];
      if (other) zoom(distance(to, other) / Math.max(1, distance(from, other)), between(to, other));
      travelled.current += distance(from, to);
      if (!other && travelled.current > TAP_PIXELS) drag(to.x - from.x, to.y - from.y);
      fingers.current.set(e.pointerId, to);
    },
    onPointerUp: (e: PointerEvent) => {
      if (fingers.current.delete(e.pointerId) && travelled.current <= TAP_PIXELS) onTap(place(e));
    },
    onPointerCancel: (e: PointerEvent) => void fingers.current.delete(e.pointerId),
    onWheel: (e: WheelEvent) => {
      e.preventDefault();
      zoom(Math.exp(-e.deltaY / 400), { x: e.offsetX, y: e.offsetY });
    },
  };
}

const distance = (a: Point, b: Point): number => Math.hypot(a.x - b.x, a.y - b.y);
const between = (a: Point, b: Point): Point => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
