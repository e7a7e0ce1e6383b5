// Where dies lie, in millimetres and on the screen. Turning or moving the view
// never changes a die's coordinates.
import type { Geometry } from "../types";

export interface Point { x: number; y: number }

// Model is a wafer's geometry, ready to draw: origin at the centre, y up, mm.
export interface Model {
  geometry: Geometry;
  round: boolean; // a wafer with its notch, rather than a row of fields
  extent: number; // diameter of the circle that holds everything
  width: number; // of a die
  height: number;
  x: Float64Array; // centres
  y: Float64Array;
  at: Map<number, number>; // die by place(column, row)
}

const place = (column: number, row: number): number => (column + 0x8000) * 0x10000 + row + 0x8000;

export function modelOf(geometry: Geometry): Model {
  return geometry.kind === "grid" ? gridModel(geometry) : sequenceModel(geometry);
}

function gridModel(g: Geometry): Model {
  const m = empty(g, true, g.diameter_mm, g.die_width_mm, g.die_height_mm);
  g.dies.forEach(([column, row], n) => {
    m.x[n] = g.offset_x_mm + column * g.pitch_x_mm;
    m.y[n] = g.offset_y_mm + row * g.pitch_y_mm;
    m.at.set(place(column, row), n);
  });
  return m;
}

// sequenceModel lays fields that have no place on a wafer out in rows, like
// text. The rows' length goes up in steps, so that the picture rarely changes.
function sequenceModel(g: Geometry): Model {
  const columns = [5, 10, 20, 50, 100, 200, 500].find((c) => c * c >= g.dies.length) ?? 1000;
  const m = empty(g, false, columns * Math.SQRT2, 0.9, 0.9);
  g.dies.forEach(([column, row], n) => {
    m.x[n] = (n % columns) - (columns - 1) / 2;
    m.y[n] = (columns - 1) / 2 - Math.floor(n / columns);
    m.at.set(place(column, row), n);
  });
  return m;
}

function empty(geometry: Geometry, round: boolean, extent: number, width: number, height: number): Model {
  const n = geometry.dies.length;
  return { geometry, round, extent, width, height, x: new Float64Array(n), y: new Float64Array(n), at: new Map() };
}

export const dieAt = (m: Model, column: number, row: number): number | undefined => m.at.get(place(column, row));

// View is how the wafer is looked at: turned clockwise by quarters, magnified,
// moved by pixels.
export interface View { turn: 0 | 1 | 2 | 3; zoom: number; x: number; y: number }

export const whole: View = { turn: 0, zoom: 1, x: 0, y: 0 };

export interface Size { width: number; height: number }

const MARGIN = 1.03; // around the wafer, for its rim and notch

export function pixelsPerMm(m: Model, v: View, s: Size): number {
  const extent = m.round ? m.extent * MARGIN : m.extent / Math.SQRT2;
  return (Math.min(s.width, s.height) / extent) * v.zoom;
}

export function turned(p: Point, turn: number): Point {
  switch (turn) {
    case 1: return { x: p.y, y: -p.x };
    case 2: return { x: -p.x, y: -p.y };
    case 3: return { x: -p.y, y: p.x };
    default: return p;
  }
}

export function toScreen(m: Model, v: View, s: Size, p: Point): Point {
  const k = pixelsPerMm(m, v, s);
  const t = turned(p, v.turn);
  return { x: s.width / 2 + v.x + t.x * k, y: s.height / 2 + v.y - t.y * k };
}

export function toWafer(m: Model, v: View, s: Size, p: Point): Point {
  const k = pixelsPerMm(m, v, s);
  return turned({ x: (p.x - s.width / 2 - v.x) / k, y: (s.height / 2 + v.y - p.y) / k }, (4 - v.turn) % 4);
}

// hit is the die under a point of the wafer, streets counted to the nearer die.
export function hit(m: Model, p: Point): number | undefined {
  const g = m.geometry;
  if (m.round) {
    return dieAt(m, Math.round((p.x - g.offset_x_mm) / g.pitch_x_mm), Math.round((p.y - g.offset_y_mm) / g.pitch_y_mm));
  }
  for (let n = 0; n < m.x.length; n++) {
    if (Math.abs(p.x - m.x[n]!) < 0.5 && Math.abs(p.y - m.y[n]!) < 0.5) return n;
  }
  return undefined;
}

const MAX_DIE_PIXELS = 420;

// zoomed magnifies by a factor and keeps the point under the finger in place.
export function zoomed(m: Model, v: View, s: Size, factor: number, about: Point): View {
  const most = Math.max(1, MAX_DIE_PIXELS / (Math.min(m.width, m.height) * pixelsPerMm(m, { ...v, zoom: 1 }, s)));
  const zoom = Math.min(most, Math.max(1, v.zoom * factor));
  if (zoom === 1) return { ...v, zoom, x: 0, y: 0 };
  const f = zoom / v.zoom;
  const cx = about.x - s.width / 2;
  const cy = about.y - s.height / 2;
  return inside({ ...v, zoom, x: cx - (cx - v.x) * f, y: cy - (cy - v.y) * f }, s);
}

export const moved = (v: View, s: Size, dx: number, dy: number): View => (v.zoom === 1 ? v : inside({ ...v, x: v.x + dx, y: v.y + dy }, s));

// inside keeps the wafer from being pushed off the screen.
function inside(v: View, s: Size): View {
  const reach = (Math.min(s.width, s.height) / 2) * v.zoom;
  const clamp = (n: number) => Math.min(reach, Math.max(-reach, n));
  return { ...v, x: clamp(v.x), y: clamp(v.y) };
}

// turnView turns by a quarter and keeps what is at the centre there.
export const turnView = (v: View): View => ({ ...v, turn: ((v.turn + 1) % 4) as View["turn"], x: -v.y, y: v.x });
