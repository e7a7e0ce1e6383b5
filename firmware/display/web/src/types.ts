// Derived from the Go types by go test -update; do not edit.

export interface HostCommand {
  name: string;
  host: string;
  detail: string;
  code: number;
  reason: string;
  time: string;
}

export interface Climate {
  celsius: number | null;
  humidity_percent: number | null;
  outside: boolean;
}

export interface Status {
  tool: string;
  software_version: string;
  recipe: string;
  recipe_version: string;
  carrier: string;
  lot: string;
  slot: number;
  substrate: string;
  operator: string;
  equipment_state: string;
  control_state: string;
  ready: boolean;
  busy: boolean;
  paused: boolean;
  remote: boolean;
  commanded: HostCommand | null;
  climate: Climate | null;
}

export interface Connection {
  name: string;
  link: "up" | "down" | "off";
  since: string;
  pending: number;
  detail: string;
}

export interface Alarm {
  alid: number;
  category: number;
  severity: "fault" | "abnormal";
  text: string;
  detail: string;
  remedy: string;
  since: string;
  ack_by: string;
}

export interface WaferSummary {
  id: number;
  carrier: string;
  lot: string;
  slot: number;
  substrate: string;
  recipe: string;
  recipe_version: string;
  started: string;
  finished: string;
  dies: number;
  inspected: number;
  good: number;
  yield: number | null;
  coverage: number | null;
  defects: number;
  density_per_cm2: number | null;
  verdict: "good" | "bad" | "incomplete";
}

export interface Geometry {
  kind: "grid" | "sequence";
  diameter_mm: number;
  edge_exclusion_mm: number;
  notch: "down" | "left" | "up" | "right";
  pitch_x_mm: number;
  pitch_y_mm: number;
  die_width_mm: number;
  die_height_mm: number;
  offset_x_mm: number;
  offset_y_mm: number;
  dies: [number, number][];
  fields: [number, number, number, number][];
}

export interface BinCount {
  bin: number;
  name: string;
  count: number;
}

export interface Defect {
  number: number;
  class: string;
  column: number;
  row: number;
  field: number;
  x_um: number;
  y_um: number;
  width_um: number;
  height_um: number;
  size_um: number;
  size_uncertainty_um: number;
  contrast_sigma: number | null;
  confidence: number | null;
  polarity: string;
  has_image: boolean;
}

export interface DieMap {
  geometry: Geometry;
  bins: number[];
  reasons: Record<number, string>;
  legend: BinCount[];
  defects: Defect[];
  defects_total: number;
}

export interface Run extends DieMap {
  run: number;
  lot: string;
  slot: number;
  substrate: string;
  started: string;
  fields: number;
  fields_done: number;
  fields_lost: number;
  field: number;
  wafer: number;
}

export interface State {
  time: string;
  status: Status;
  connections: Connection[];
  alarms: Alarm[];
  finished: WaferSummary[];
  run: Run | null;
}

export interface Wafer extends DieMap {
  summary: WaferSummary;
}

export interface AlarmCleared {
  alid: number;
}

export interface DieResult {
  die: number;
  bin: number;
  reason: string;
}

export interface FieldDone {
  field: number;
  inspected: boolean;
  dies: DieResult[];
  defects: Defect[];
}

export interface Heartbeat {
  time: string;
}
