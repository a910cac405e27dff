// @ts-check
/**
 * The one table of keys: the handler, the legend, the buttons' hints and the browser tests are made from it.
 * `screen` says where a key counts; `single` keys can be switched off (WCAG 2.1.4).
 * @typedef {{keys: string[], action: string, screen: "review" | "compare" | "both" | "any", shift?: boolean, ctrl?: boolean}} Key
 */

/** @type {readonly Key[]} */
export const KEYS = [
  { keys: ["j", "ArrowDown"], action: "next", screen: "review" },
  { keys: ["k", "ArrowUp"], action: "previous", screen: "review" },
  { keys: ["ArrowRight"], action: "right", screen: "both" },
  { keys: ["ArrowLeft"], action: "left", screen: "both" },
  { keys: ["1", "2", "3", "4", "5", "6", "7", "8", "9"], action: "toggle", screen: "both" },
  { keys: ["Enter"], action: "accept", screen: "both" },
  { keys: ["Enter"], action: "acceptLane", screen: "review", shift: true },
  { keys: ["b"], action: "onlyThis", screen: "review" },
  { keys: ["a"], action: "keepAll", screen: "both" },
  { keys: ["n"], action: "apart", screen: "both" },
  { keys: ["s"], action: "skip", screen: "both" },
  { keys: ["u"], action: "undo", screen: "both" },
  { keys: ["z"], action: "undo", screen: "both", ctrl: true },
  { keys: ["c", " "], action: "compare", screen: "review" },
  { keys: ["/"], action: "search", screen: "review" },
  { keys: ["f"], action: "filter", screen: "review" },
  { keys: ["g"], action: "lane", screen: "any" },
  { keys: ["?"], action: "legend", screen: "any" },
  { keys: ["m"], action: "mode", screen: "compare" },
  { keys: [" "], action: "flip", screen: "compare" },
  { keys: ["b"], action: "blink", screen: "compare" },
  { keys: ["l"], action: "loupe", screen: "compare" },
  { keys: ["+", "="], action: "zoomIn", screen: "compare" },
  { keys: ["-"], action: "zoomOut", screen: "compare" },
  { keys: ["0", "f"], action: "fit", screen: "compare" },
  { keys: ["z"], action: "actual", screen: "compare" },
  { keys: ["Escape"], action: "close", screen: "compare" },
];

/** After `g`: where to go. @type {Readonly<Record<string, string>>} */
export const GO = {
  i: "#/review/identical",
  p: "#/review/same",
  s: "#/review/similar",
  b: "#/review/sets",
  d: "#/review/decided",
  a: "#/plan",
  h: "#/home",
};

export function singleKeysOn() {
  return localStorage.getItem("single-keys") !== "off";
}

/**
 * The action of a key press, or null.
 * @param {KeyboardEvent} event
 * @param {"review" | "compare" | "other"} screen
 * @returns {string | null}
 */
export function actionOf(event, screen) {
  if (event.altKey || event.metaKey) return null;
  const letter = event.key.length === 1 && !event.ctrlKey;
  if (letter && !singleKeysOn()) return null;
  const known = KEYS.find(
    (key) =>
      key.keys.includes(event.key) &&
      (key.screen === screen || key.screen === "any" || (key.screen === "both" && screen !== "other")) &&
      Boolean(key.ctrl) === event.ctrlKey &&
      (event.key.length === 1 || Boolean(key.shift) === event.shiftKey),
  );
  return known ? known.action : null;
}

/** The key's name as the legend and the buttons show it. @param {string} key */
export function keyName(key) {
  const names = { ArrowDown: "↓", ArrowUp: "↑", ArrowRight: "→", ArrowLeft: "←", Enter: "⏎", " ": "␣", Escape: "Esc" };
  return /** @type {Record<string, string>} */ (names)[key] ?? key;
}

/** The first key of an action, for a button's hint. @param {string} action */
export function hint(action) {
  const key = KEYS.find((one) => one.action === action);
  return key ? `${key.shift ? "⇧ " : ""}${keyName(key.keys[0] ?? "")}` : "";
}
