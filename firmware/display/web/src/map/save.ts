// Saves a map as a PNG that says by itself which wafer it is of.
import { ink, lookOf } from "../palette";
import { binName } from "../text";
import type { BinCount, DieMap } from "../types";
import { drawDie, drawDisc, drawSecondCue } from "./draw";
import { modelOf, whole, type View } from "./geometry";

const SIDE = 1400; // pixels
const HEAD = 110;
const LINE = 40;

export async function saveMap(map: DieMap, turn: View["turn"], lines: [string, string], file: string): Promise<void> {
  const canvas = picture(map, turn, lines);
  const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/png"));
  if (!blob) throw new Error("canvas gave no picture");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = file.replace(/[^\w.-]+/g, "_");
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function picture(map: DieMap, turn: View["turn"], [title, figures]: [string, string]): HTMLCanvasElement {
  const rows = Math.ceil(map.legend.length / 3);
  const canvas = document.createElement("canvas");
  canvas.width = SIDE;
  canvas.height = HEAD + SIDE + rows * LINE + 30;
  const c = canvas.getContext("2d");
  if (!c) throw new Error("canvas cannot be drawn on");
  c.fillStyle = "#d4d6d7";
  c.fillRect(0, 0, canvas.width, canvas.height);
  c.fillStyle = ink;
  c.font = "600 36px sans-serif";
  c.fillText(title, 30, 50, SIDE - 60);
  c.font = "28px sans-serif";
  c.fillText(figures, 30, 92, SIDE - 60);
  c.translate(0, HEAD);
  const scene = { model: modelOf(map.geometry), view: { ...whole, turn }, size: { width: SIDE, height: SIDE } };
  drawDisc(c, scene);
  map.bins.forEach((bin, n) => drawDie(c, scene, n, bin));
  map.legend.forEach((line, n) => legendLine(c, line, 30 + (n % 3) * 450, SIDE + 10 + Math.floor(n / 3) * LINE));
  return canvas;
}

function legendLine(c: CanvasRenderingContext2D, line: BinCount, x: number, y: number): void {
  const look = lookOf(line.bin);
  c.fillStyle = look.fill;
  c.fillRect(x, y, 28, 28);
  drawSecondCue(c, { x, y, width: 28, height: 28 }, look);
  c.fillStyle = ink;
  c.font = "24px sans-serif";
  c.textAlign = "left";
  c.textBaseline = "alphabetic";
  c.fillText(`${line.bin} ${binName(line.bin, line.name)}: ${line.count}`, x + 40, y + 23, 400);
}
