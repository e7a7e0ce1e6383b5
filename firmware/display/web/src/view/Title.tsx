import { operator } from "../commands";
import { clock, day, fixed, since } from "../format";
import { connections, status } from "../store";
import { beats, boxTime, frozenSince } from "../stream";
import { text } from "../text";
import type { Connection } from "../types";
import { SeverityMark } from "./icons";

// Title is the panel at the top: what this is, what it works on, and whether it lives.
export function Title() {
  const s = status.value;
  const t = text.value;
  return (
    <header class="title">
      <Cell name={`Kensa ${s?.software_version ?? ""}`} value={s?.tool} wide />
      <State />
      <Cell name={t.recipe} value={s && `${s.recipe} · ${s.recipe_version}`} wide />
      <Cell name={`${t.lot} / ${t.slot}`} value={s && `${s.lot || "–"} / ${s.slot || "–"}`} wide />
      <Cell name={t.operator} value={operator.value || s?.operator} optional />
      <Climate />
      <Lines />
      <div class="links">{connections.value.map((c) => <LinkChip key={c.name} link={c} />)}</div>
      <Heart />
    </header>
  );
}

function Cell({ name, value, wide, optional }: { name: string; value: string | null | undefined; wide?: boolean; optional?: boolean }) {
  return (
    <div class={`cell${wide ? " wide" : ""}${optional ? " optional" : ""}`}>
      <span class="name">{name}</span>
      <span class="value">{value || "–"}</span>
    </div>
  );
}

const DOWN_STATES = ["unscheduled-downtime"];

function State() {
  const s = status.value;
  const t = text.value;
  const equipment = s?.equipment_state ?? "";
  return (
    <div class={`cell state${DOWN_STATES.includes(equipment) || s?.paused ? " abnormal" : ""}`}>
      <span class="name">{t.control[s?.control_state ?? ""] ?? s?.control_state ?? "–"}</span>
      <span class="value">{s?.paused ? `‖ ${t.paused}` : (t.equipment[equipment] ?? (equipment || "–"))}</span>
    </div>
  );
}

// Climate is the surroundings of the optics, where a sensor measures them.
function Climate() {
  const c = status.value?.climate;
  if (!c) return null;
  return (
    <div class={`cell climate${c.outside ? " abnormal" : ""}`} title={text.value.surroundings}>
      <span class="name">{c.outside && <SeverityMark severity="abnormal" size={13} />}{text.value.surroundings}</span>
      <span class="value">{`${fixed(c.celsius, 1)}\u202f°C`}<i>{`${fixed(c.humidity_percent, 0)}\u202f%`}</i></span>
    </div>
  );
}

// Lines are the discrete signals to the tool: filled while they are high.
function Lines() {
  const s = status.value;
  return (
    <div class="lines">
      <span class={s?.ready ? "on" : ""}>READY</span>
      <span class={s?.busy ? "on" : ""}>BUSY</span>
    </div>
  );
}

function LinkChip({ link }: { link: Connection }) {
  const t = text.value;
  const down = link.link === "down";
  return (
    <div class={`link ${link.link}`} title={link.detail}>
      <span class="name"><span>{t.connections[link.name] ?? link.name}</span>{link.pending > 0 && <b>{link.pending}</b>}</span>
      <span class="value">
        {down && <SeverityMark severity="abnormal" size={17} />}
        {t.links[link.link]}
        {down && <span class="when">{since(link.since, boxTime.peek(), true)}</span>}
      </span>
    </div>
  );
}

// Heart moves only when the box says so: a frozen screen has no pulse.
function Heart() {
  const beat = beats.value % 2 === 0;
  return (
    <div class={`heart${frozenSince.value ? " stopped" : ""}`} data-beats={beats.value}>
      <span class={`pulse${beat ? " high" : ""}`}><i /><i /></span>
      <div class="cell">
        <span class="name">{day(boxTime.value)}</span>
        <span class="value">{clock(boxTime.value)}</span>
      </div>
    </div>
  );
}
