// Every word the page shows, in both languages.
import { computed, signal } from "@preact/signals";

const en = {
  name: "English",
  live: "Live", backToLive: "Back to live", wafers: "Wafers", alarms: "Alarms", pause: "Pause", resume: "Resume",
  operator: "Operator", recipe: "Recipe", lot: "Lot", slot: "Slot", wafer: "Wafer", finished: "Finished",
  noAlarms: "No alarms", acknowledge: "Acknowledge", opticsCleaned: "Optics cleaned", acknowledgedBy: "Acknowledged by", more: "more", since: "Since", remedy: "What to do",
  yield: "Yield", yieldTrend: "Yield, last wafers", defects: "Defects", lastDefects: "Last defects", density: "Density", perArea: "/cm²",
  coverage: "Coverage", fields: "Fields", lost: "not inspected", verdict: "Verdict", bins: "Dies by bin", lastWafers: "Last wafers",
  good: "good", notInspected: "not inspected", pending: "to come", bin: "bin", die: "Die", 
  recorded: "Recorded wafer", onChuck: "On the chuck", done: "Finished", noWafer: "No wafer on the chuck", noFinished: "No finished wafers yet",
  noDefects: "No defects", noImage: "no image", paused: "Paused", reason: "Reason", surroundings: "Climate",
  zoomIn: "Zoom in", zoomOut: "Zoom out", fit: "Whole wafer", rotate: "Rotate view", save: "Save map", close: "Close", cancel: "Cancel",
  frozen: "NO CONNECTION – display frozen since", failed: "Not done", connecting: "Connecting…",
  whoAreYou: "Operator's name or number", ok: "OK", erase: "⌫", space: "␣",
  reallyPause: "Pause after this wafer?", pauseMeans: "The wafer on the chuck is finished first; then READY drops and the tool waits.",
  hostControl: "Host control", remote: "Remote", local: "Local", toRemote: "Give to host", toLocal: "Take back",
  remoteMeans: "The host may select recipes, start, stop and pause. Pause and Resume here work all the same.",
  localMeans: "Commands of the host are refused.", lastCommand: "Last command of the host",
  hcack: ["done", "no such command", "not now", "bad parameter", "will be done", "already so", "no such object"],
  contrast: "contrast", size: "length",
  polarity: { dark: "dark", bright: "bright", mixed: "mixed" } as Record<string, string>,
  verdicts: { good: "good", bad: "bad", incomplete: "incomplete" },
  links: { up: "up", down: "down", off: "off" },
  connections: { camera: "Camera", broker: "MES", warning: "Early warning" } as Record<string, string>,
  equipment: {
    productive: "Productive", standby: "Standby", engineering: "Engineering", "scheduled-downtime": "Scheduled down",
    "unscheduled-downtime": "Unscheduled down", "non-scheduled": "Non-scheduled",
  } as Record<string, string>,
  control: {
    "online-remote": "Online remote", "online-local": "Online local", "host-offline": "Host offline",
    "attempt-online": "Going online", "equipment-offline": "Offline",
  } as Record<string, string>,
  classes: {
    unclassified: "unclassified", open: "open", short: "short", mousebite: "mouse bite", spur: "spur", copper: "extra material",
    "pin-hole": "pinhole", particle: "particle", scratch: "scratch", stain: "stain", chip: "chip",
  } as Record<string, string>,
  categories: [
    "", "Personal safety", "Equipment safety", "Parameter warning", "Parameter error", "Irrecoverable", "Equipment status", "Attention", "Data integrity",
  ],
};

type Text = typeof en;

const ja: Text = {
  name: "日本語",
  live: "ライブ", backToLive: "ライブへ戻る", wafers: "ウェーハ", alarms: "アラーム", pause: "一時停止", resume: "再開",
  operator: "作業者", recipe: "レシピ", lot: "ロット", slot: "スロット", wafer: "ウェーハ", finished: "完了時刻",
  noAlarms: "アラームなし", acknowledge: "確認", opticsCleaned: "光学系清掃済み", acknowledgedBy: "確認者", more: "件", since: "発生", remedy: "対処方法",
  yield: "歩留まり", yieldTrend: "歩留まり推移", defects: "欠陥数", lastDefects: "最新の欠陥", density: "欠陥密度", perArea: "/cm²",
  coverage: "検査率", fields: "視野", lost: "未検査", verdict: "判定", bins: "ビン別ダイ数", lastWafers: "最近のウェーハ",
  good: "良品", notInspected: "未検査", pending: "検査待ち", bin: "ビン", die: "ダイ", 
  recorded: "記録済みウェーハ", onChuck: "検査中", done: "検査完了", noWafer: "チャック上にウェーハはありません", noFinished: "完了したウェーハはまだありません",
  noDefects: "欠陥なし", noImage: "画像なし", paused: "一時停止中", reason: "理由", surroundings: "環境",
  zoomIn: "拡大", zoomOut: "縮小", fit: "全体表示", rotate: "表示を回転", save: "マップ保存", close: "閉じる", cancel: "キャンセル",
  frozen: "接続が切れました – 表示が止まった時刻", failed: "実行できませんでした", connecting: "接続中…",
  whoAreYou: "作業者の名前または番号", ok: "決定", erase: "⌫", space: "␣",
  reallyPause: "このウェーハの後で一時停止しますか？", pauseMeans: "チャック上のウェーハの検査を終えてからREADYがオフになり、装置は待機します。",
  hostControl: "ホスト制御", remote: "リモート", local: "ローカル", toRemote: "ホストに渡す", toLocal: "取り戻す",
  remoteMeans: "ホストがレシピ選択・開始・停止・一時停止を指示できます。この画面の一時停止と再開も使えます。",
  localMeans: "ホストからの指示は拒否されます。", lastCommand: "ホストからの最後の指示",
  hcack: ["実行済み", "未定義の指示", "現在は実行不可", "パラメータ不正", "後で実行", "すでにその状態", "対象なし"],
  contrast: "コントラスト", size: "長さ",
  polarity: { dark: "暗", bright: "明", mixed: "混在" },
  verdicts: { good: "良", bad: "不良", incomplete: "検査未完了" },
  links: { up: "接続", down: "切断", off: "未使用" },
  connections: { camera: "カメラ", broker: "MES", warning: "早期警戒" },
  equipment: {
    productive: "生産中", standby: "待機中", engineering: "エンジニアリング", "scheduled-downtime": "計画停止",
    "unscheduled-downtime": "計画外停止", "non-scheduled": "稼働計画外",
  },
  control: {
    "online-remote": "オンライン・リモート", "online-local": "オンライン・ローカル", "host-offline": "ホストオフライン",
    "attempt-online": "オンライン移行中", "equipment-offline": "オフライン",
  },
  classes: {
    unclassified: "未分類", open: "断線", short: "短絡", mousebite: "パターン欠け", spur: "突起", copper: "残留パターン",
    "pin-hole": "ピンホール", particle: "パーティクル", scratch: "スクラッチ", stain: "しみ", chip: "チッピング",
  },
  categories: ["", "人身安全", "装置安全", "パラメータ警告", "パラメータ異常", "復旧不能", "装置状態", "注意", "データ完全性"],
};

export type Language = "en" | "ja";
const tables: Record<Language, Text> = { en, ja };
const KEY = "kensa-language";

export const language = signal<Language>(savedLanguage());
export const text = computed(() => tables[language.value]);
export const otherLanguage = computed<Language>(() => (language.value === "en" ? "ja" : "en"));
export const otherLanguageName = computed(() => tables[otherLanguage.value].name);

function savedLanguage(): Language {
  try {
    const saved = localStorage.getItem(KEY);
    if (saved === "en" || saved === "ja") return saved;
  } catch {
    // storage is off: follow the browser
  }
  return typeof navigator !== "undefined" && navigator.language.startsWith("ja") ? "ja" : "en";
}

export function setLanguage(to: Language): void {
  language.value = to;
  document.documentElement.lang = to;
  try {
    localStorage.setItem(KEY, to);
  } catch {
    // storage is off: the choice lives as long as the page
  }
}

// binName is a bin as the operator reads it; the recipe names its own bins.
export function binName(bin: number, name: string): string {
  if (bin === 0) return text.value.notInspected;
  if (bin === 1) return text.value.good;
  if (bin < 0) return text.value.pending;
  return name || `${text.value.bin} ${bin}`;
}

export const className = (name: string): string => text.value.classes[name] ?? name;
