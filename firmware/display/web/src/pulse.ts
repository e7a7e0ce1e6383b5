// Tells the box that this screen really shows something: for who started the
// browser with ?screen=NAME and has to know when to start it again.
const EVERY_MS = 1000;

let painted = false;

export function startPulse(): void {
  const name = new URLSearchParams(location.search).get("screen");
  if (!name) return;
  const frame = () => {
    painted = true;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  setInterval(() => void pulse(name), EVERY_MS);
}

// A page that is in sight and paints no frames is as good as frozen.
async function pulse(name: string): Promise<void> {
  if (!painted && document.visibilityState === "visible") return;
  painted = false;
  try {
    await fetch(`/api/screens/${encodeURIComponent(name)}`, { method: "POST" });
  } catch {
    // The box is silent; the page says so itself.
  }
}
