import assert from "node:assert/strict";
import test from "node:test";
import { dieAt, hit, modelOf, moved, toScreen, toWafer, turnView, whole, zoomed, type View } from "../src/map/geometry";
import type { Geometry } from "../src/types";

const grid: Geometry = {
  kind: "grid", diameter_mm: 100, edge_exclusion_mm: 2, notch: "down", pitch_x_mm: 10, pitch_y_mm: 8,
  die_width_mm: 9.5, die_height_mm: 7.5, offset_x_mm: 5, offset_y_mm: 0, dies: [[0, 0], [1, 0], [-1, 2], [3, -4]], fields: [],
};
const size = { width: 640, height: 480 };

const views: View[] = [0, 1, 2, 3].flatMap((turn) => [
  { ...whole, turn: turn as View["turn"] },
  { turn: turn as View["turn"], zoom: 3.7, x: 41, y: -90 },
]);

test("a die is found where it is drawn, however the view is turned", () => {
  const m = modelOf(grid);
  for (const view of views) {
    grid.dies.forEach((_, n) => {
      const p = toScreen(m, view, size, { x: m.x[n]!, y: m.y[n]! });
      assert.equal(hit(m, toWafer(m, view, size, p)), n, `die ${n}, turn ${view.turn}`);
    });
  }
});

test("turning clockwise brings the top to the right", () => {
  const m = modelOf(grid);
  const top = { x: 0, y: 40 };
  const up = toScreen(m, whole, size, top);
  assert.ok(up.y < size.height / 2);
  const right = toScreen(m, turnView(whole), size, top);
  assert.ok(right.x > size.width / 2 && Math.abs(right.y - size.height / 2) < 1e-9);
});

test("zoom keeps the point under the finger in place", () => {
  const m = modelOf(grid);
  const finger = { x: 250, y: 300 };
  const before = toWafer(m, whole, size, finger);
  const after = toWafer(m, zoomed(m, whole, size, 2.5, finger), size, finger);
  assert.ok(Math.hypot(before.x - after.x, before.y - after.y) < 1e-9);
});

test("zoom and drag stay within bounds", () => {
  const m = modelOf(grid);
  let view = zoomed(m, whole, size, 1e9, { x: 0, y: 0 });
  assert.ok(view.zoom < 100);
  view = moved(view, size, 1e9, -1e9);
  assert.ok(Math.abs(view.x) <= 240 * view.zoom && Math.abs(view.y) <= 240 * view.zoom);
  assert.deepEqual(zoomed(m, view, size, 1e-9, { x: 0, y: 0 }), whole);
  assert.deepEqual(moved(whole, size, 50, 50), whole);
});

test("a sequence lies in rows and every field is hit", () => {
  const dies = Array.from({ length: 23 }, (_, n): [number, number] => [n, 0]);
  const m = modelOf({ ...grid, kind: "sequence", dies });
  dies.forEach((_, n) => assert.equal(hit(m, { x: m.x[n]!, y: m.y[n]! }), n));
  assert.equal(dieAt(m, 22, 0), 22);
  assert.equal(hit(m, { x: 999, y: 999 }), undefined);
});
