import { asking, operator, resume } from "../commands";
import { alarms, status } from "../store";
import { otherLanguage, otherLanguageName, setLanguage, text } from "../text";
import { Icon, type IconName } from "./icons";
import { askingControl, askingPause, go, place, recorded, type Place } from "./navigation";

// Commands is the panel at the right: the views above, what changes the tool below.
export function Commands() {
  const t = text.value;
  const paused = status.value?.paused ?? false;
  return (
    <nav class="commands">
      {recorded.value ? (
        <Command icon="live" name={t.backToLive} kind="act" onClick={() => { recorded.value = null; go("live"); }} id="back" />
      ) : (
        <View to="live" name={t.live} />
      )}
      <View to="wafers" name={t.wafers} />
      <View to="alarms" name={t.alarms} count={alarms.value.length} />
      <span class="space" />
      {paused ? (
        <Command icon="resume" name={t.resume} kind="act" onClick={resume} id="resume" />
      ) : (
        <Command icon="pause" name={t.pause} onClick={() => (askingPause.value = true)} id="pause" />
      )}
      <Command icon="host" name={status.value?.remote ? t.remote : t.local} onClick={() => (askingControl.value = true)} id="control" />
      <Command icon="operator" name={operator.value || t.operator} onClick={() => (asking.value = {})} id="operator" />
      <Command icon="language" name={otherLanguageName.value} lang={otherLanguage.value} onClick={() => setLanguage(otherLanguage.value)} id="language" />
    </nav>
  );
}

function View({ to, name, count = 0 }: { to: Place; name: string; count?: number }) {
  return <Command icon={to} name={name} count={count} kind={place.value === to ? "here" : ""} onClick={() => go(to)} id={to} />;
}

interface Props { icon: IconName; name: string; onClick: () => void; id: string; kind?: string; count?: number; lang?: string }

function Command({ icon, name, onClick, id, kind = "", count = 0, lang }: Props) {
  return (
    <button class={`command ${kind}`} id={`command-${id}`} onClick={onClick} lang={lang} aria-pressed={kind === "here"}>
      <Icon name={icon} />
      <span>{name}</span>
      {count > 0 && <b class="count">{count}</b>}
    </button>
  );
}
