// Numbers and times as they are shown: fixed forms, the same in both languages,
// so that nothing jumps when a figure changes.
const dash = "–";
const two = (n: number): string => String(n).padStart(2, "0");

export const clock = (d: Date | null): string =>
  d ? `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}` : "--:--:--";

export const day = (d: Date | null): string => (d ? `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}` : "----------");

export const time = (iso: string): string => clock(new Date(iso));

// since is a time of today, or a day and a time; where room is short, the day.
export function since(iso: string, now: Date | null, short = false): string {
  const then = new Date(iso);
  const hours = `${two(then.getHours())}:${two(then.getMinutes())}`;
  if (day(then) === day(now)) return hours;
  return short ? day(then).slice(5) : `${day(then).slice(5)} ${hours}`;
}

export const percent = (share: number | null, digits = 1): string =>
  share === null || Number.isNaN(share) ? dash : `${(100 * share).toFixed(digits)}\u202f%`;

// floorPercent never shows 100 % for less than all.
export function floorPercent(share: number | null): string {
  return share === null || Number.isNaN(share) ? dash : percent(Math.floor(share * 1000 + 1e-9) / 1000);
}

export const significant = (n: number | null, digits = 3): string => (n === null || !Number.isFinite(n) ? dash : n.toPrecision(digits));

export const fixed = (n: number | null, digits: number): string => (n === null ? dash : minus(n, digits));

// microns rounds a defect's size to what the optics can know.
export const microns = (um: number): string => (um >= 1000 ? `${(um / 1000).toFixed(2)} mm` : `${um >= 10 ? um.toFixed(0) : um.toFixed(1)} µm`);

// interval is a length with what it may be off, in one unit: "108 ± 39 µm".
export const interval = (um: number, off: number): string =>
  um >= 1000 ? `${(um / 1000).toFixed(2)} ± ${(off / 1000).toFixed(2)} mm` : `${um >= 10 ? um.toFixed(0) : um.toFixed(1)} ± ${off >= 10 ? off.toFixed(0) : off.toFixed(1)} µm`;

export const dieIndex = (column: number, row: number): string => `(${minus(column)}, ${minus(row)})`;
const minus = (n: number, digits = 0): string => n.toFixed(digits).replace("-", "−");
