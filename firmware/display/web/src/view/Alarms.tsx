import { computed } from "@preact/signals";
import { acknowledge, opticsCleaned } from "../commands";
import { since } from "../format";
import { boxTime } from "../stream";
import { alarms } from "../store";
import { text } from "../text";
import type { Alarm } from "../types";
import { Icon, SeverityMark } from "./icons";
import { go } from "./navigation";

// sorted has what nobody has seen first, faults before the rest, newest first.
const rank = (a: Alarm): number => (a.ack_by ? 2 : 0) + (a.severity === "fault" ? 0 : 1);
const sorted = computed(() => [...alarms.value].sort((a, b) => rank(a) - rank(b)));

// Banner always has its place, so that nothing moves when an alarm comes.
export function Banner() {
  const t = text.value;
  const [first] = sorted.value;
  if (!first) return <section class="banner quiet" aria-live="assertive"><Icon name="check" />{t.noAlarms}</section>;
  const others = sorted.value.length - 1;
  return (
    <section class={`banner ${first.severity}${first.ack_by ? " seen" : ""}`} aria-live="assertive" data-alid={first.alid}>
      <button class="what" onClick={() => go("alarms")}>
        <SeverityMark severity={first.severity} />
        <span class="words">
          <strong lang="en">{first.alid} · {first.text}</strong>
          <span class="detail" lang="en">{first.detail}</span>
        </span>
        <span class="since">{t.since} {since(first.since, boxTime.peek())}{others > 0 && <b>+{others} {t.more}</b>}</span>
      </button>
      <Acknowledge alarm={first} />
    </section>
  );
}

function Acknowledge({ alarm }: { alarm: Alarm }) {
  const t = text.value;
  if (alarm.ack_by) return <div class="acknowledged"><Icon name="check" size={20} /><span>{t.acknowledgedBy}<br /><b>{alarm.ack_by}</b></span></div>;
  return <button class="act acknowledge" onClick={() => acknowledge(alarm.alid)}>{t.acknowledge}</button>;
}

// Dust, and what may be dust: the operator says when the optics have been cleaned.
const opticsAlarms = [204, 209];

export function AlarmsView() {
  const t = text.value;
  if (sorted.value.length === 0) return <div class="empty">{t.noAlarms}</div>;
  return (
    <div class="alarms scroll">
      {sorted.value.map((a) => (
        <article key={a.alid} class={`alarm ${a.severity}`}>
          <SeverityMark severity={a.severity} />
          <div class="words">
            <strong lang="en">{a.alid} · {a.text}</strong>
            <span class="detail" lang="en">{a.detail}</span>
            <span><b>{t.remedy}:</b> <span lang="en">{a.remedy}</span></span>
            {opticsAlarms.includes(a.alid) && <button class="act acknowledge" onClick={opticsCleaned}>{t.opticsCleaned}</button>}
            <small>{t.since} {since(a.since, boxTime.peek())} · {t.categories[a.category] ?? a.category}</small>
          </div>
          <Acknowledge alarm={a} />
        </article>
      ))}
    </div>
  );
}
