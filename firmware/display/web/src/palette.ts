// Colours of bins: the Okabe–Ito palette, which colour-blind people can tell
// apart, for bad bins only. Good dies are grey: colour is for what is abnormal.
import { GOOD, NOT_INSPECTED, PENDING } from "./store";

const OKABE_ITO = ["#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7"];
const WHITE_TEXT = new Set(["#0072b2", "#009e73", "#d55e00"]);

export const ink = "#1d2124";
export const disc = "#b4b8bb";
export const rim = "#4a4f53";
export const pendingLine = "#8f9497";
export const goodFill = "#eceded";
export const missFill = "#f7f7f7";

export interface Look {
  fill: string;
  text: string; // colour of the bin's number
  stripes: 0 | 1 | 2; // 1 and 2 tell bins apart that share a colour
  hatched: boolean; // not inspected
  hollow: boolean; // not looked at yet
}

// lookOf gives a bin its look: the same bin looks the same on every map.
export function lookOf(bin: number): Look {
  const plain: Look = { fill: goodFill, text: ink, stripes: 0, hatched: false, hollow: false };
  if (bin === GOOD) return plain;
  if (bin === PENDING) return { ...plain, fill: disc, hollow: true };
  if (bin === NOT_INSPECTED) return { ...plain, fill: missFill, hatched: true };
  const at = bin - 2;
  const fill = OKABE_ITO[at % OKABE_ITO.length] ?? ink;
  const cycle = Math.floor(at / OKABE_ITO.length) % 3;
  return { ...plain, fill, text: WHITE_TEXT.has(fill) ? "#fff" : ink, stripes: cycle as 0 | 1 | 2 };
}
