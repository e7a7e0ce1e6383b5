import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { apply } from "../src/store";
import type { State } from "../src/types";

interface Replay { first: State; events: { name: string; data: unknown }[]; last: State }

test("the page makes of the events what the box made of them", () => {
  const story = JSON.parse(readFileSync("../testdata/replay.json", "utf8")) as Replay;
  for (const { name, data } of story.events) apply(story.first, name, data);
  assert.ok(story.events.length > 100);
  assert.deepEqual(JSON.parse(JSON.stringify(story.first)), story.last);
});
