// The event stream: connects, connects again, and tells when the box is silent.
import { signal } from "@preact/signals";
import { receive } from "./store";
import type { Heartbeat, State } from "./types";

const SILENCE_MS = 3000; // without a heartbeat the display counts as frozen
const RECONNECT_MS = 5000; // without a heartbeat the connection is made anew
const CHECK_MS = 250;
const EVENTS = ["status", "connection", "alarm", "alarm-cleared", "wafer-started", "field", "wafer-finished"];

export const beats = signal(0); // heartbeats since the page was loaded
export const boxTime = signal<Date | null>(null); // of the last heartbeat
export const frozenSince = signal<Date | null>(null);

let source: EventSource | undefined;
let lastBeat = performance.now();
let lastConnect = 0;
let software = "";

export function start(): void {
  connect();
  setInterval(watch, CHECK_MS);
}

function connect(): void {
  source?.close();
  lastConnect = performance.now();
  source = new EventSource("/api/events");
  source.addEventListener("state", (e) => {
    const state = JSON.parse(e.data) as State;
    reloadWhenUpdated(state.status.software_version);
    receive("state", state);
    beat(state.time);
  });
  source.addEventListener("heartbeat", (e) => beat((JSON.parse(e.data) as Heartbeat).time));
  for (const name of EVENTS) source.addEventListener(name, (e) => receive(name, JSON.parse(e.data)));
}

function beat(time: string): void {
  lastBeat = performance.now();
  boxTime.value = new Date(time);
  beats.value++;
  frozenSince.value = null;
}

function watch(): void {
  const now = performance.now();
  if (now - lastBeat > SILENCE_MS && !frozenSince.peek()) frozenSince.value = boxTime.peek() ?? new Date();
  if (now - lastBeat > RECONNECT_MS && now - lastConnect > RECONNECT_MS) connect();
}

// A box that was updated while its page was open has a newer page to show.
function reloadWhenUpdated(version: string): void {
  if (software && version !== software) location.reload();
  software = version;
}
