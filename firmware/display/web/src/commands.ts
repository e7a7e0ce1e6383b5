// What the operator tells the box. Every command carries the operator's name.
import { computed, signal } from "@preact/signals";
import { text } from "./text";

// A name is forgotten after a shift, so that nobody acts in another's name.
const SHIFT_MS = 12 * 3600 * 1000;
const KEY = "kensa-operator";
const RECENT = "kensa-operators";
const MAX_RECENT = 5;

interface Remembered { name: string; until: number }

const signedIn = signal(remembered());
export const operator = computed(() => signedIn.value.name);
export const notice = signal("");
// asking is what to do once the operator has given a name.
export const asking = signal<{ then?: (name: string) => void } | null>(null);

function remembered(): Remembered {
  const saved = read<Remembered>(KEY);
  return saved && saved.until > Date.now() ? saved : { name: "", until: 0 };
}

function read<T>(key: string): T | null {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "null") as T | null;
  } catch {
    return null; // storage is off or holds something else: ask again
  }
}

function write(key: string, value: unknown): void {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // storage is off: the name lives as long as the page
  }
}

export const recentOperators = (): string[] => read<string[]>(RECENT) ?? [];

export function signIn(name: string): void {
  signedIn.value = { name, until: Date.now() + SHIFT_MS };
  write(KEY, signedIn.value);
  write(RECENT, [name, ...recentOperators().filter((other) => other !== name)].slice(0, MAX_RECENT));
  const then = asking.value?.then;
  asking.value = null;
  then?.(name);
}

// forgetAfterShift is for pages that stay open for months.
export function forgetAfterShift(): void {
  setInterval(() => {
    if (signedIn.value.name && signedIn.value.until <= Date.now()) signedIn.value = { name: "", until: 0 };
  }, 60_000);
}

function withOperator(act: (name: string) => void): void {
  if (operator.value) act(operator.value);
  else asking.value = { then: act };
}

export const acknowledge = (alid: number): void => withOperator((name) => void send(`/api/alarms/${alid}/ack`, name));
export const opticsCleaned = (): void => withOperator((name) => void send("/api/optics/cleaned", name));
export const pause = (): void => withOperator((name) => void send("/api/pause", name));
// setRemote gives the tool to the host, or takes it back.
export const setRemote = (remote: boolean): void => withOperator((name) => void send(`/api/control/${remote ? "remote" : "local"}`, name));
export const resume = (): void => withOperator((name) => void send("/api/resume", name));

async function send(path: string, name: string): Promise<void> {
  try {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ operator: name }),
      signal: AbortSignal.timeout(10_000),
    });
    if (!answer.ok) say(`${text.value.failed}: ${await reason(answer)}`);
  } catch (error) {
    say(`${text.value.failed}: ${String(error)}`);
  }
}

async function reason(answer: Response): Promise<string> {
  const body = (await answer.json()) as { error?: string };
  return body.error ?? answer.statusText;
}

let hiding: ReturnType<typeof setTimeout> | undefined;

export function say(message: string): void {
  notice.value = message;
  clearTimeout(hiding);
  hiding = setTimeout(() => (notice.value = ""), 10_000);
}
