// @ts-check
/** The page's texts and figures in the person's language. No text for people stands anywhere else in the code. */

import { h } from "./dom.js";

/** @type {Record<string, any>} */
let texts = {};
let language = "en";

/** @param {string[]} known languages that the server has */
export function preferred(known) {
  const chosen = localStorage.getItem("language");
  const wanted = [chosen, ...navigator.languages.map((name) => name.split("-")[0]), "en"];
  return wanted.find((name) => name && known.includes(name)) ?? "en";
}

/** @param {string} name */
export async function speak(name) {
  const answer = await fetch(`/static/locales/${name}.json`);
  texts = await answer.json();
  language = name;
  document.documentElement.lang = name;
  document.documentElement.dir = texts["direction"] ?? "ltr";
}

/**
 * The text of a key; `{name}` in it is replaced, and of an object of plural forms the one for `n` is taken.
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function t(key, values = {}) {
  let text = texts[key];
  if (text && typeof text === "object") {
    text = text[new Intl.PluralRules(language).select(Number(values["n"]))] ?? text["other"];
  }
  if (typeof text !== "string") return key;
  return text.replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name];
    return typeof value === "number" ? count(value) : String(value ?? "");
  });
}

/**
 * A word of the server's small vocabulary (a field, a chip), or the word itself where there is no translation.
 * @param {string} kind
 * @param {string} word
 */
export function term(kind, word) {
  const found = texts[`${kind}.${word}`];
  return typeof found === "string" ? found : word;
}

/**
 * @typedef {{code: string, values?: Record<string, any>, text?: string}} Told
 */

/**
 * A sentence of the server in the person's language: a field of an answer, by its code and values where it has them.
 * @param {any} holder the answer, or the part of it that has the field
 * @param {string} field
 * @returns {string}
 */
export function say(holder, field) {
  const told = holder.said?.[field];
  const plain = holder[field] ?? "";
  return told ? phrase({ ...told, text: plain }) : plain;
}

/** A sentence of the server as an element, marked as English where it is that and the page is not.
 * @param {string} tag @param {any} holder @param {string} field */
export function spoken(tag, holder, field) {
  const text = say(holder, field);
  return text ? h(tag, { lang: tongue(holder, field) }, text) : "";
}

/** "en" for what stands there in English although the page speaks otherwise. @param {any} holder @param {string} field */
export function tongue(holder, field) {
  const told = holder.said?.[field];
  return language === "en" || !holder[field] || (told && texts[`said.${told.code}`]) ? undefined : "en";
}

/** @param {string | number | Told | any[]} value @returns {string} */
function phrase(value) {
  if (Array.isArray(value)) return value.map(phrase).join(", ");
  if (typeof value === "number") return count(value);
  if (typeof value === "string") return value;
  const { code, values = {}, text = "" } = value;
  if (code === "bytes") return bytes(values["n"]);
  if (code === "percent") return percent(values["n"], values["n"] < 0.01 ? 2 : 0);
  const key = `said.${code}`;
  if (!texts[key]) return text;
  const known = Object.entries(values).map(([name, one]) => [name, name === "n" && typeof one === "number" ? one : phrase(one)]);
  return t(key, Object.fromEntries(known));
}

/** @param {number} value */
export function count(value) {
  return new Intl.NumberFormat(language).format(value);
}

/** @param {number} value from 0 to 1 */
export function percent(value, digits = 0) {
  return new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: digits }).format(value);
}

const UNITS = /** @type {const} */ ([
  [1e12, "TB"],
  [1e9, "GB"],
  [1e6, "MB"],
  [1e3, "kB"],
]);

/** Decimal units, as disks and file managers have them. @param {number} size */
export function bytes(size) {
  const [unit, name] = UNITS.find(([one]) => Math.abs(size) >= one) ?? [1, "B"];
  const value = size / unit;
  const digits = name === "B" || Math.abs(value) >= 100 ? 0 : 1;
  return `${new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(value)} ${name}`;
}

/** With a true sign; "" when there is no difference. @param {number} size @param {number} keeper */
export function bytesDelta(size, keeper) {
  if (size === keeper) return "";
  return `${size > keeper ? "+" : "−"}${bytes(Math.abs(size - keeper))}`;
}

/** @param {number} seconds POSIX */
export function moment(seconds) {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(new Date(seconds * 1000));
}

/** A month ("2024-06") or a year as they are. @param {string} text */
export function month(text) {
  const [year = 0, number] = text.split("-").map(Number);
  if (!number) return text;
  return new Intl.DateTimeFormat(language, { month: "long", year: "numeric" }).format(new Date(year, number - 1, 15));
}

/** @param {number} seconds */
export function duration(seconds) {
  if (seconds < 100) return t("time.seconds", { n: Math.round(seconds) });
  const minutes = Math.round(seconds / 60);
  return minutes < 100 ? t("time.minutes", { n: minutes }) : t("time.hours", { n: Math.round(minutes / 60) });
}
