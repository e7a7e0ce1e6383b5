// Icons are shapes of our own: each is a second cue beside a colour or a word.
interface Props { size?: number }

const paths = {
  live: "M3 12h4l3-8 4 16 3-8h4",
  wafers: "M4 5h16M4 12h16M4 19h16",
  alarms: "M12 3 22 20H2zM12 9v5M12 16.5v1",
  pause: "M8 5v14M16 5v14",
  resume: "M7 4l13 8-13 8z",
  host: "M4 4h16v11H4zM12 15v5M8 20h8M8 9.5h8M13 7l3 2.5-3 2.5",
  operator: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21c0-5 4-7 8-7s8 2 8 7",
  language: "M3 12h18M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 3c-5 5-5 13 0 18M12 3c5 5 5 13 0 18",
  zoomIn: "M10 4a6 6 0 1 0 0 12 6 6 0 0 0 0-12zM15 15l6 6M10 7v6M7 10h6",
  zoomOut: "M10 4a6 6 0 1 0 0 12 6 6 0 0 0 0-12zM15 15l6 6M7 10h6",
  fit: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  rotate: "M20 12a8 8 0 1 1-3-6.2M20 3v5h-5",
  save: "M12 3v12M7 10l5 5 5-5M4 20h16",
  close: "M5 5l14 14M19 5L5 19",
  check: "M4 13l5 5L20 6",
};

export type IconName = keyof typeof paths;

export function Icon({ name, size = 28 }: Props & { name: IconName }) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}

// SeverityMark is an octagon for a fault, a triangle for what is abnormal.
export function SeverityMark({ severity, size = 44 }: Props & { severity: string }) {
  const fault = severity === "fault";
  return (
    <svg class={`mark ${severity}`} width={size} height={size} viewBox="0 0 24 24" aria-hidden="true">
      <path class="shape" d={fault ? "M8 2h8l6 6v8l-6 6H8l-6-6V8z" : "M12 2 23 21H1z"} />
      <path class="bang" d={fault ? "M12 6v8M12 16.5v1.5" : "M12 9v6M12 17v1.5"} />
    </svg>
  );
}

// VerdictMark is a tick, a cross in a circle, or a half-filled circle.
export function VerdictMark({ verdict, size = 26 }: Props & { verdict: string }) {
  return (
    <svg class={`verdict-mark ${verdict}`} width={size} height={size} viewBox="0 0 24 24" aria-hidden="true">
      {verdict === "good" && <path class="line" d="M4 13l5 5L20 6" />}
      {verdict === "bad" && <path class="shape" d="M8 2h8l6 6v8l-6 6H8l-6-6V8z" />}
      {verdict === "bad" && <path class="bang" d="M8 8l8 8M16 8l-8 8" />}
      {verdict === "incomplete" && <path class="shape" d="M12 2 23 21H1z" />}
      {verdict === "incomplete" && <path class="bang" d="M12 9v6M12 17v1.5" />}
    </svg>
  );
}
