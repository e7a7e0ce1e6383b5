import assert from "node:assert/strict";
import test from "node:test";
import { lookOf } from "../src/palette";

test("bins that share a colour differ in their stripes", () => {
  const seen = new Set<string>();
  for (let bin = 2; bin < 2 + 21; bin++) {
    const { fill, stripes } = lookOf(bin);
    seen.add(`${fill} ${stripes}`);
  }
  assert.equal(seen.size, 21);
});

test("good, not inspected and pending dies have no colour", () => {
  for (const bin of [-1, 0, 1]) {
    const [r, g, b] = [1, 3, 5].map((at) => parseInt(lookOf(bin).fill.slice(at, at + 2), 16));
    assert.ok(Math.max(r!, g!, b!) - Math.min(r!, g!, b!) <= 8, `bin ${bin}`);
  }
});
