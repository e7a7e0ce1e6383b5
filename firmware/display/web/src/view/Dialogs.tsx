import { useEffect, useRef, useState } from "preact/hooks";
import { asking, notice, operator, pause, recentOperators, setRemote, signIn } from "../commands";
import { time, clock } from "../format";
import { status } from "../store";
import { frozenSince } from "../stream";
import { text } from "../text";
import { askingControl, askingPause } from "./navigation";

// Dialogs lie over the page and move nothing in it.
export function Dialogs() {
  return (
    <>
      {asking.value && <OperatorDialog />}
      {askingPause.value && <PauseDialog />}
      {askingControl.value && <ControlDialog />}
      {notice.value && <div class="notice" role="status" onClick={() => (notice.value = "")}>{notice.value}</div>}
      {frozenSince.value && <div class="frozen" role="alert">{text.value.frozen} {clock(frozenSince.value)}</div>}
    </>
  );
}

function PauseDialog() {
  const t = text.value;
  const close = () => (askingPause.value = false);
  return (
    <div class="veil">
      <div class="dialog" role="dialog" aria-modal="true" aria-label={t.reallyPause}>
        <h1>{t.reallyPause}</h1>
        <p>{t.pauseMeans}</p>
        <div class="choice">
          <button class="plain" onClick={close}>{t.cancel}</button>
          <button class="act" id="really-pause" onClick={() => { close(); pause(); }}>{t.pause}</button>
        </div>
      </div>
    </div>
  );
}

// ControlDialog says who may command the tool, what the host ordered last, and lets
// the operator change the first.
function ControlDialog() {
  const t = text.value;
  const remote = status.value?.remote ?? false;
  const last = status.value?.commanded;
  const close = () => (askingControl.value = false);
  return (
    <div class="veil">
      <div class="dialog" role="dialog" aria-modal="true" aria-label={t.hostControl}>
        <h1>{t.hostControl}: {remote ? t.remote : t.local}</h1>
        <p>{remote ? t.remoteMeans : t.localMeans}</p>
        <p id="commanded">
          {t.lastCommand}: {last ? `${time(last.time)} ${last.host} ${last.name} ${last.detail} → ${t.hcack[last.code] ?? last.code}` : "–"}
          {last?.reason && <span lang="en"> ({last.reason})</span>}
        </p>
        <div class="choice">
          <button class="plain" onClick={close}>{t.cancel}</button>
          <button class="act" id="switch-control" onClick={() => { close(); setRemote(!remote); }}>{remote ? t.toLocal : t.toRemote}</button>
        </div>
      </div>
    </div>
  );
}

const KEYS = ["1234567890", "QWERTYUIOP", "ASDFGHJKL-", "ZXCVBNM."];
const MAX_NAME = 40;

// PHONE screens bring their own keys.
const PHONE = "(max-width: 700px)";

// OperatorDialog has its own keys, because a kiosk's touch screen has no others; a
// badge reader that types works too.
function OperatorDialog() {
  const t = text.value;
  const [name, setName] = useState(operator.value);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.select(), []);
  const type = (key: string) => setName((n) => (n + key).slice(0, MAX_NAME));
  const done = (e: Event) => {
    e.preventDefault();
    if (name.trim()) signIn(name.trim());
  };
  return (
    <div class="veil">
      <form class="dialog" aria-label={t.whoAreYou} onSubmit={done}>
        <label>
          {t.whoAreYou}
          <input id="operator-name" ref={field} value={name} maxLength={MAX_NAME} autocomplete="off" inputMode={matchMedia(PHONE).matches ? "text" : "none"} onInput={(e) => setName(e.currentTarget.value)} />
        </label>
        <div class="recent">{recentOperators().map((n) => <button key={n} type="button" class="plain" onClick={() => signIn(n)}>{n}</button>)}</div>
        <div class="keys">
          {KEYS.flatMap((row) => [...row]).map((key) => <button key={key} type="button" onClick={() => type(key)}>{key}</button>)}
          <button type="button" onClick={() => setName((n) => n.slice(0, -1))}>{t.erase}</button>
          <button type="button" onClick={() => type(" ")}>{t.space}</button>
        </div>
        <div class="choice">
          <button type="button" class="plain" onClick={() => (asking.value = null)}>{t.cancel}</button>
          <button class="act" id="operator-ok" disabled={!name.trim()}>{t.ok}</button>
        </div>
      </form>
    </div>
  );
}
