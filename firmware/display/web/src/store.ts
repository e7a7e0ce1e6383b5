// What the box has told the page. The page applies each event to its copy of
// the State just as the box does; test/store.test.ts holds the two equal.
import { computed, signal } from "@preact/signals";
import type { Alarm, AlarmCleared, Connection, DieMap, FieldDone, Run, State, Status, WaferSummary } from "./types";

export const PENDING = -1;
export const NOT_INSPECTED = 0;
export const GOOD = 1;
const MAX_DEFECTS = 500;
const MAX_FINISHED = 100;

// apply brings a state up to date with one event. Objects that changed are new
// ones, so that a view sees by identity what to draw again; a wafer's bins,
// which may be many, are changed in place.
export function apply(state: State, name: string, data: unknown): void {
  switch (name) {
    case "status":
      state.status = data as Status;
      break;
    case "connection":
      state.connections = replace(state.connections, data as Connection, (c) => c.name);
      break;
    case "alarm":
      state.alarms = setAlarm(state.alarms, data as Alarm);
      break;
    case "alarm-cleared":
      state.alarms = state.alarms.filter((a) => a.alid !== (data as AlarmCleared).alid);
      break;
    case "wafer-started":
      state.run = data as Run;
      break;
    case "field":
      if (state.run) state.run = fieldDone(state.run, data as FieldDone);
      break;
    case "wafer-finished":
      finish(state, data as WaferSummary);
      break;
  }
}

function replace<T>(list: T[], item: T, key: (t: T) => string | number): T[] {
  const at = list.findIndex((other) => key(other) === key(item));
  return at < 0 ? [...list, item] : list.with(at, item);
}

function setAlarm(alarms: Alarm[], alarm: Alarm): Alarm[] {
  return alarms.some((a) => a.alid === alarm.alid) ? replace(alarms, alarm, (a) => a.alid) : [alarm, ...alarms];
}

function fieldDone(run: Run, done: FieldDone): Run {
  const next = { ...run, legend: run.legend.map((l) => ({ ...l })) };
  for (const { die, bin, reason } of done.dies) {
    while (next.bins.length <= die) {
      next.geometry.dies.push([next.bins.length, 0]);
      next.bins.push(PENDING);
    }
    setBin(next, die, bin, reason);
  }
  next.defects = [...run.defects, ...done.defects].slice(-MAX_DEFECTS);
  next.defects_total += done.defects.length;
  next.fields_done++;
  if (!done.inspected) next.fields_lost++;
  next.field = done.field + 1;
  return next;
}

function setBin(map: DieMap, die: number, bin: number, reason: string): void {
  if (reason) map.reasons[die] = reason;
  const old = map.bins[die] ?? PENDING;
  if (old !== PENDING) count(map, old, -1);
  map.bins[die] = bin;
  count(map, bin, 1);
}

function count(map: DieMap, bin: number, by: number): void {
  const line = map.legend.find((l) => l.bin === bin);
  if (line) line.count += by;
  else map.legend.push({ bin, name: "", count: by });
}

function finish(state: State, summary: WaferSummary): void {
  state.finished = [summary, ...state.finished].slice(0, MAX_FINISHED);
  const run = state.run;
  if (!run || run.wafer !== 0) return;
  const next = { ...run, wafer: summary.id, field: -1, legend: run.legend.map((l) => ({ ...l })) };
  next.bins.forEach((bin, die) => {
    if (bin === PENDING) setBin(next, die, NOT_INSPECTED, "");
  });
  state.run = next;
}

// The state as it is shown, and its parts; each changes only when it differs.
const shown = signal<State | null>(null);
export const connected = computed(() => shown.value !== null);
export const status = computed(() => shown.value?.status ?? null);
export const connections = computed(() => shown.value?.connections ?? []);
export const alarms = computed(() => shown.value?.alarms ?? []);
export const finished = computed(() => shown.value?.finished ?? []);
export const run = computed(() => shown.value?.run ?? null);

let working: State | null = null;
let publishing: ReturnType<typeof setTimeout> | undefined;

// A screen that shows fifteen states a second looks live; a tool at full speed
// sends many more events than that.
const PUBLISH_MS = 66;

export function receive(name: string, data: unknown): void {
  if (name === "state") working = data as State;
  else if (working) apply(working, name, data);
  publishing ??= setTimeout(publish, PUBLISH_MS);
}

function publish(): void {
  publishing = undefined;
  if (working) shown.value = { ...working };
}
