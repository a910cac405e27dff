// @ts-check
/** Which groups of a lane are shown, and in which order. What is chosen goes into the address; the address makes the
 *  list, and the list fills these fields again. */
import { get, post } from "./api.js";
import { SORTS, listAddress } from "./address.js";
import { deck } from "./deck.js";
import { h, put } from "./dom.js";
import { hint } from "./keys.js";
import { bytes, month, percent, t } from "./words.js";

const PAUSE = 250;
const SAVINGS = [1e6, 5e6, 2e7, 1e8, 1e9];
const SIZES = [1e6, 5e6, 1e7, 5e7];
const SCORES = [0.99, 0.97, 0.95, 0.9, 0.8];

class FilterBar extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    const signal = { signal: this.stop.signal };
    const label = t("filter.search");
    this.search = h("input", { type: "search", placeholder: t("filter.searchShort"), "aria-label": label, title: label });
    this.sort = select(t("filter.sort"), SORTS.map((one) => [one, t(`sort.${one}`)]));
    this.more = h("button", { type: "button", "aria-expanded": "false", "aria-controls": "filter-panel", "data-do": "filter", onclick: () => this.toggle() });
    this.panel = h("div.panel", { id: "filter-panel", hidden: true, role: "group", "aria-label": t("filter.title") });
    this.chips = h("div.asked", { role: "group", "aria-label": t("filter.active") });
    this.level = h("span.level");
    this.bar = h("form.filters", { role: "search", onsubmit: (/** @type {Event} */ event) => event.preventDefault() });
    const bulk = h("button.bulk", { type: "button", "data-do": "acceptLane", onclick: () => this.dispatchEvent(new Event("bulk")) }, t("do.acceptLane"), h("kbd", { "aria-hidden": "true" }, hint("acceptLane")));
    const offered = deck.lane === "identical" || deck.lane === "same";
    put(this.bar, this.search, this.more, deck.lane === "decided" ? null : this.sort, offered ? bulk : null, this.level);
    put(this, this.bar, this.chips, this.panel);
    let waiting = 0;
    this.search.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => this.want({ q: this.search.value.trim() }), PAUSE);
    });
    this.sort.addEventListener("change", () => this.want({}, this.sort.value));
    deck.addEventListener("list", () => this.fill(), signal);
    this.fill();
    if (deck.lane === "similar") this.slider();
  }

  disconnectedCallback() {
    this.stop?.abort();
  }

  /** Another list than the one that is shown. @param {Record<string, any>} change */
  want(change, sort = deck.sort) {
    location.hash = listAddress(deck.lane, { ...deck.filter, ...change }, sort);
  }

  /** Show what is asked for now; a field that somebody writes in is left alone. */
  fill() {
    if (document.activeElement !== this.search) this.search.value = deck.filter["q"] ?? "";
    this.sort.value = deck.sort;
    const asked = Object.entries(deck.filter).filter(([name]) => name !== "q" && !(name === "min_score" && deck.lane === "similar"));
    put(this.more, t("filter.title"), asked.length ? h("span.count", {}, `(${asked.length})`) : "", h("kbd", { "aria-hidden": "true" }, hint("filter")));
    const chips = asked.map(([name, value]) => h("button.chip", { "data-do": "withoutFilter", type: "button", "aria-label": t("filter.without", { what: told(name, value) }), onclick: () => this.want({ [name]: undefined }) }, told(name, value), h("span", { "aria-hidden": "true" }, " ×")));
    const all = chips.length > 1 ? h("button.chip", { "data-do": "clearFilters", type: "button", onclick: () => this.clear() }, t("filter.clear")) : null;
    put(this.chips, ...chips, all);
    for (const field of this.panel.querySelectorAll("[name]")) {
      if (field === document.activeElement) continue;
      if (field.type === "checkbox") field.checked = Boolean(deck.filter[field.name]);
      else fillField(field, String(deck.filter[field.name] ?? ""));
    }
  }

  clear() {
    location.hash = listAddress(deck.lane, {}, deck.sort);
    this.more.focus();
  }

  /** Open or close the panel; what there is to ask for is fetched when it is opened. */
  async toggle() {
    this.panel.hidden = !this.panel.hidden;
    this.more.setAttribute("aria-expanded", String(!this.panel.hidden));
    if (this.panel.hidden) {
      this.more.focus();
      return;
    }
    if (!this.panel.firstChild) {
      put(this.panel, h("p", { role: "status" }, t("state.loading")));
      const decided = deck.lane === "decided";
      const known = await get("/facets", { lane: decided ? "" : deck.lane, status: decided ? "decided" : "open" }).catch(() => null);
      put(this.panel, ...(known ? this.fields(known) : [h("p", { role: "alert" }, t("state.noServer"))]));
      this.fill();
    }
    this.panel.querySelector("select, input")?.focus();
  }

  /** A field for everything that the groups of this lane differ in. @param {any} known */
  fields(known) {
    const months = known.taken.map((/** @type {any} */ one) => one.value);
    const years = [...new Set(months.map((/** @type {string} */ one) => one.slice(0, 4)))].map((year) => ({ value: year, groups: 0 }));
    const fields = [
      known.relations.length > 1 ? choice("relation", known.relations) : null,
      known.formats.length > 1 ? choice("formats", known.formats) : null,
      known.sources.length > 1 ? choice("source", known.sources) : null,
      months.length > 1 ? choice("taken", [...years, ...known.taken]) : null,
      known.folders.length > 1 ? written("folder", known.folders) : null,
      known.labels.length ? written("label", known.labels) : null,
      known.persons.length ? choice("person", known.persons) : null,
      steps("min_bytes", SAVINGS),
      steps("min_size", SIZES),
      deck.lane === "same" || deck.lane === "sets" ? steps("min_score", SCORES) : null,
      known.people ? check("people") : null,
      known.sources.length > 1 ? check("across") : null,
    ].filter((field) => field !== null);
    for (const field of fields) field.addEventListener("change", (/** @type {Event} */ event) => this.chosen(/** @type {any} */ (event.target)));
    return [...fields, h("p.buttons", {}, h("button", { "data-do": "closeFilters", type: "button", onclick: () => this.toggle() }, t("do.close")))];
  }

  /** @param {any} field */
  chosen(field) {
    const value = field.type === "checkbox" ? field.checked : field.name.startsWith("min_") ? Number(field.value) : field.value.trim();
    this.want({ [field.name]: value || undefined });
  }

  /** How alike: only what was found already is shown or hidden. */
  async slider() {
    const output = h("output", { for: "threshold" });
    const bars = h("span.histogram", { "aria-hidden": "true" });
    const input = h("input", { id: "threshold", type: "range", min: "0", max: "1", step: "0.01", value: String(deck.filter["min_score"] ?? 0), "aria-label": t("filter.threshold") });
    const show = async () => {
      const answer = await post("/thresholds/preview", { lane: "similar", value: Number(input.value) }).catch(() => null);
      if (!answer) return;
      output.textContent = t("filter.from", { score: percent(Number(input.value)), n: answer.groups });
      const most = Math.max(1, ...answer.histogram);
      put(bars, ...answer.histogram.map((/** @type {number} */ one) => {
        const bar = h("i");
        bar.style.height = `${Math.ceil((one / most) * 100)}%`;
        return bar;
      }));
    };
    input.addEventListener("input", show);
    input.addEventListener("change", () => this.want({ min_score: Number(input.value) || undefined }));
    put(this.level, h("span.threshold", {}, bars, input, output));
    await show();
  }
}

/** A bookmark may ask for what is not offered. @param {any} field @param {string} value */
function fillField(field, value) {
  field.value = value;
  if (field.value === value) return;
  field.append(h("option", { value }, shown(field.name, field.name.startsWith("min_") ? Number(value) : value)));
  field.value = value;
}

/** A filter as a person says it. @param {string} name @param {any} value */
function told(name, value) {
  const label = t(`filter.${name}`);
  if (value === true) return label;
  return `${label}: ${shown(name, value)}`;
}

/** @param {string} name @param {any} value */
function shown(name, value) {
  if (name === "min_score") return percent(value);
  if (name.startsWith("min_")) return bytes(value);
  if (name === "relation") return t(`relation.${value}.short`);
  if (name === "formats") return String(value).split(",").join(" + ");
  if (name === "taken") return month(String(value));
  return String(value);
}

/** @param {string} name @param {{value: string, groups: number}[]} values */
function choice(name, values) {
  const options = values.map((one) => [one.value, one.groups ? t("filter.option", { what: shown(name, one.value), n: one.groups }) : shown(name, one.value)]);
  return labelled(name, select("", [["", t("filter.any")], ...options]));
}

/** @param {string} name @param {{value: string}[]} values */
function written(name, values) {
  const id = `known-${name}`;
  const field = h("input", { list: id, autocomplete: "off", placeholder: t("filter.any") });
  return labelled(name, field, h("datalist", { id }, ...values.map((one) => h("option", { value: one.value }))));
}

/** @param {string} name @param {number[]} values */
function steps(name, values) {
  return labelled(name, select("", [["", t("filter.any")], ...values.map((one) => [String(one), t("filter.atLeast", { what: shown(name, one) })])]));
}

/** @param {string} name */
function check(name) {
  return h("label.check", {}, h("input", { type: "checkbox", name }), t(`filter.${name}`));
}

/** @param {string} name @param {any} field @param {Node} [list] */
function labelled(name, field, list) {
  field.name = name;
  return h("label", {}, h("span", {}, t(`filter.${name}`)), field, list);
}

/** @param {string} label @param {string[][]} options */
function select(label, options) {
  return h("select", label ? { "aria-label": label } : {}, ...options.map(([value, text]) => h("option", { value }, text)));
}

customElements.define("filter-bar", FilterBar);
