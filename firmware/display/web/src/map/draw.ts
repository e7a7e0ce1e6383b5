// Drawing of a wafer: the disc, its dies, and what lies over them.
import { disc, ink, lookOf, pendingLine, rim, type Look } from "../palette";
import { GOOD } from "../store";
import type { Defect } from "../types";
import { dieAt, pixelsPerMm, toScreen, turned, type Model, type Point, type Size, type View } from "./geometry";

type Context = CanvasRenderingContext2D;

export interface Scene { model: Model; view: View; size: Size }

// Below these sizes of a die, in pixels, its details would only be noise.
const MIN_GAP = 5;
const MIN_DETAIL = 9;
const MIN_NUMBER = 11;
const MIN_DEFECTS = 26;

const bearing = { right: 0, down: Math.PI / 2, left: Math.PI, up: -Math.PI / 2 };

export function drawDisc(c: Context, { model, view, size }: Scene): void {
  if (!model.round) return;
  const k = pixelsPerMm(model, view, size);
  const centre = toScreen(model, view, size, { x: 0, y: 0 });
  const radius = (model.extent / 2) * k;
  const notch = bearing[model.geometry.notch] + (view.turn * Math.PI) / 2;
  discPath(c, centre, radius, notch);
  c.fillStyle = disc;
  c.fill();
  c.strokeStyle = rim;
  c.lineWidth = 2;
  c.stroke();
  exclusionRing(c, centre, radius - model.geometry.edge_exclusion_mm * k);
}

// discPath cuts the notch larger than its true 1 mm, so that it can be seen.
function discPath(c: Context, centre: Point, radius: number, notch: number): void {
  const half = 0.035;
  const at = (angle: number, r: number): [number, number] => [centre.x + Math.cos(angle) * r, centre.y + Math.sin(angle) * r];
  c.beginPath();
  c.arc(centre.x, centre.y, radius, notch + half, notch - half + 2 * Math.PI);
  c.lineTo(...at(notch, radius * 0.94));
  c.closePath();
}

function exclusionRing(c: Context, centre: Point, radius: number): void {
  c.beginPath();
  c.arc(centre.x, centre.y, Math.max(radius, 0), 0, 2 * Math.PI);
  c.setLineDash([5, 4]);
  c.lineWidth = 1;
  c.strokeStyle = pendingLine;
  c.stroke();
  c.setLineDash([]);
}

export interface Box { x: number; y: number; width: number; height: number }

export function dieBox({ model, view, size }: Scene, n: number): Box {
  const k = pixelsPerMm(model, view, size);
  const p = toScreen(model, view, size, { x: model.x[n]!, y: model.y[n]! });
  const [w, h] = view.turn % 2 === 0 ? [model.width, model.height] : [model.height, model.width];
  return { x: p.x - (w * k) / 2, y: p.y - (h * k) / 2, width: w * k, height: h * k };
}

// drawDie draws one die over whatever was there. Dies of some size keep a
// gap of a pixel; smaller ones would vanish with it.
export function drawDie(c: Context, scene: Scene, n: number, bin: number): void {
  const b = dieBox(scene, n);
  if (b.x > scene.size.width || b.y > scene.size.height || b.x + b.width < 0 || b.y + b.height < 0) return;
  const least = Math.min(b.width, b.height);
  const gap = least >= MIN_GAP ? 0.5 : 0;
  const box = { x: b.x + gap, y: b.y + gap, width: b.width - 2 * gap, height: b.height - 2 * gap };
  const look = lookOf(bin);
  c.fillStyle = disc;
  c.fillRect(b.x, b.y, b.width, b.height);
  c.fillStyle = look.fill;
  c.fillRect(box.x, box.y, box.width, box.height);
  if (look.hollow && least >= MIN_GAP) outline(c, box);
  if (least >= MIN_DETAIL) drawSecondCue(c, box, look);
  if (least >= MIN_NUMBER && bin > GOOD) drawNumber(c, box, bin, look);
}

function outline(c: Context, b: Box): void {
  c.strokeStyle = pendingLine;
  c.lineWidth = 1;
  c.strokeRect(b.x + 0.5, b.y + 0.5, b.width - 1, b.height - 1);
}

function drawNumber(c: Context, b: Box, bin: number, look: Look): void {
  c.fillStyle = look.text;
  c.font = `700 ${Math.min(30, Math.min(b.width, b.height) * 0.74)}px sans-serif`;
  c.textAlign = "center";
  c.textBaseline = "middle";
  c.fillText(String(bin), b.x + b.width / 2, b.y + b.height / 2 + 1);
}

// drawSecondCue tells by shape what the colour tells: a cross for a die that was
// not inspected, stripes where two bins share a colour.
export function drawSecondCue(c: Context, b: Box, look: Look): void {
  if (!look.hatched && look.stripes === 0) return;
  c.save();
  c.beginPath();
  c.rect(b.x, b.y, b.width, b.height);
  c.clip();
  c.beginPath();
  if (look.hatched) {
    c.moveTo(b.x, b.y);
    c.lineTo(b.x + b.width, b.y + b.height);
    c.moveTo(b.x, b.y + b.height);
    c.lineTo(b.x + b.width, b.y);
    c.rect(b.x, b.y, b.width, b.height);
  } else stripes(c, b, look.stripes === 1 ? 1 : -1);
  c.strokeStyle = ink;
  c.lineWidth = 1.5;
  c.stroke();
  c.restore();
}

function stripes(c: Context, b: Box, slope: 1 | -1): void {
  for (let at = -b.height; at < b.width; at += 6) {
    c.moveTo(b.x + at, slope === 1 ? b.y + b.height : b.y);
    c.lineTo(b.x + at + b.height, slope === 1 ? b.y : b.y + b.height);
  }
}

// Over is what changes without the dies changing.
export interface Over { field: number; selected: number | undefined; defects: Defect[] }

export function drawOver(c: Context, scene: Scene, over: Over): void {
  const span = scene.model.geometry.fields[over.field];
  if (span) drawField(c, scene, span);
  drawDefects(c, scene, over.defects);
  if (over.selected !== undefined && over.selected < scene.model.x.length) drawSelection(c, dieBox(scene, over.selected));
}

function drawField(c: Context, { model, view, size }: Scene, [left, top, right, bottom]: [number, number, number, number]): void {
  const g = model.geometry;
  const corner = (column: number, row: number, sx: number, sy: number) =>
    toScreen(model, view, size, {
      x: g.offset_x_mm + (column + sx / 2) * g.pitch_x_mm,
      y: g.offset_y_mm + (row + sy / 2) * g.pitch_y_mm,
    });
  const a = corner(left, top, -1, 1);
  const b = corner(right, bottom, 1, -1);
  c.strokeStyle = ink;
  c.lineWidth = 3;
  c.strokeRect(Math.min(a.x, b.x), Math.min(a.y, b.y), Math.abs(a.x - b.x), Math.abs(a.y - b.y));
}

function drawSelection(c: Context, b: Box): void {
  for (const [colour, out] of [["#fff", 2], [ink, 4]] as const) {
    c.strokeStyle = colour;
    c.lineWidth = 2;
    c.strokeRect(b.x - out, b.y - out, b.width + 2 * out, b.height + 2 * out);
  }
}

function drawDefects(c: Context, scene: Scene, defects: Defect[]): void {
  const { model, view, size } = scene;
  const k = pixelsPerMm(model, view, size);
  if (Math.min(model.width, model.height) * k < MIN_DEFECTS || !model.round) return;
  for (const d of defects) {
    const n = dieAt(model, d.column, d.row);
    if (n === undefined) continue;
    const p = toScreen(model, view, size, {
      x: model.x[n]! - model.width / 2 + d.x_um / 1000,
      y: model.y[n]! - model.height / 2 + d.y_um / 1000,
    });
    drawDefect(c, p, turned({ x: d.width_um / 1000, y: d.height_um / 1000 }, view.turn), k);
  }
}

// drawDefect rings a defect at its true size, but no smaller than can be seen.
function drawDefect(c: Context, p: Point, box: Point, k: number): void {
  const radius = Math.max(4, (Math.max(Math.abs(box.x), Math.abs(box.y)) * k) / 2 + 2);
  for (const [colour, width] of [["#fff", 4], [ink, 2]] as const) {
    c.beginPath();
    c.arc(p.x, p.y, radius, 0, 2 * Math.PI);
    c.strokeStyle = colour;
    c.lineWidth = width;
    c.stroke();
  }
}
