// Which view is shown, and which wafer in it.
import { computed, signal } from "@preact/signals";
import { run } from "../store";
import type { DieMap, Wafer } from "../types";
import { say } from "../commands";
import { text } from "../text";

export type Place = "live" | "wafers" | "alarms";

export const place = signal<Place>("live");
export const recorded = signal<Wafer | null>(null); // shown instead of the wafer on the chuck
export const selected = signal<{ column: number; row: number } | null>(null);
export const askingPause = signal(false);
export const askingControl = signal(false);

// map is what the main view shows, with the address of its defects' images.
export const map = computed<DieMap | null>(() => recorded.value ?? run.value);
export const images = computed(() => {
  if (recorded.value) return `/api/wafers/${recorded.value.summary.id}/defects`;
  return run.value ? `/api/live/${run.value.run}/defects` : "";
});

export function go(to: Place): void {
  if (to === "live" && place.value === "live") backToLive();
  place.value = to;
}

export function backToLive(): void {
  recorded.value = null;
  selected.value = null;
}

let asked = 0;

// openWafer shows a recorded wafer; of two asked for, the later one.
export async function openWafer(id: number): Promise<void> {
  const mine = ++asked;
  try {
    const answer = await fetch(`/api/wafers/${id}`, { signal: AbortSignal.timeout(10_000) });
    const body = (await answer.json()) as Wafer & { error?: string };
    if (mine !== asked) return;
    if (!answer.ok) throw new Error(body.error ?? answer.statusText);
    recorded.value = body;
    selected.value = null;
    place.value = "live";
  } catch (error) {
    say(`${text.value.failed}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
