// @ts-check
/**
 * Pictures of a group laid beside each other, up to four, or two of them on each other. Zoom and place are relative to
 * the picture, so that a copy of 800 pixels and its original of 4000 show the same part. Four modes: side by side,
 * blink, difference, slider; and a loupe in all of them.
 */
import { get, picture } from "./api.js";
import { actions, broken } from "./card.js";
import { deck } from "./deck.js";
import { difference } from "./difference.js";
import { h, put } from "./dom.js";
import { actionOf, hint } from "./keys.js";
import { onto, sideways, transform } from "./laying.js";
import { Loupe } from "./loupe.js";
import { onGroup } from "./review.js";
import { bytes, percent, say, t, term, tongue } from "./words.js";

const MODES = /** @type {const} */ (["side", "blink", "difference", "slider"]);
const MOST_ZOOM = 16;
const MOST_PANES = 4;
const BLINK = 166; // milliseconds: three pairs a second at most

/**
 * @typedef {{zoom: number, x: number, y: number}} View the place in the middle, as shares of the picture
 * @typedef {{symmetry: number, overlap_a: number | null, overlap_b: number | null, evidence: string,
 *   matrix: number[] | null}} Laid
 */

class CompareDialog extends HTMLElement {
  constructor() {
    super();
    /** @type {typeof MODES[number]} */ this.mode = "side";
    /** @type {View} */ this.view = { zoom: 1, x: 0.5, y: 0.5 };
    this.top = 0;
    /** @type {import("./deck.js").Photo[]} the photos that are shown, the keeper first */ this.shown = [];
    /** @type {(Laid | null)[]} how each of them lies on the keeper */ this.lays = [];
    this.loupe = new Loupe(this);
    /** @type {WeakMap<Element, {w: number, h: number}>} the size of a picture in its pane */ this.frames = new WeakMap();
    /** @type {ReturnType<typeof setInterval> | undefined} */ this.blinking = undefined;
  }

  connectedCallback() {
    this.stop = new AbortController();
    const signal = { signal: this.stop.signal };
    this.panes = h("div.panes", { tabIndex: -1 });
    this.tools = h("div.tools", { role: "toolbar", "aria-label": t("compare.modes") });
    this.facts = h("div.facts", { tabIndex: 0, role: "region", "aria-label": t("compare.differences") });
    this.note = h("p.note", { role: "status" });
    this.heading = h("h2", { id: "compare-title" });
    this.foot = h("div.foot.actions", { role: "toolbar", "aria-label": t("nav.actions") });
    this.dialog = h(
      "dialog.compare",
      { "aria-labelledby": "compare-title", onclose: () => this.remove() },
      h("header", {}, this.heading, this.tools, h("button", { "data-do": "closeCompare", type: "button", onclick: () => this.dialog.close() }, t("do.close"), h("kbd", { "aria-hidden": "true" }, "Esc"))),
      this.panes,
      this.note,
      this.facts,
      this.foot,
    );
    this.append(this.dialog);
    this.dialog.showModal();
    this.panes.focus();
    document.addEventListener("keydown", (event) => this.press(event), signal);
    document.addEventListener("keyup", (event) => actionOf(event, "compare") === "loupe" && this.loupe.release(), signal);
    deck.addEventListener("here", () => this.draw(), signal);
    deck.addEventListener("group", () => this.marks(), signal);
    deck.addEventListener("list", () => deck.here || this.dialog.close(), signal);
    this.watch = new ResizeObserver(() => this.place());
    this.watch.observe(this.panes);
    this.pointer();
    this.draw();
  }

  disconnectedCallback() {
    this.stop?.abort();
    this.watch?.disconnect();
    clearInterval(this.blinking);
  }

  /** The keeper, and the photo in focus or else the first other. */
  get pair() {
    const photos = deck.here?.photos ?? [];
    const at = deck.focus > 0 ? deck.focus : 1;
    return /** @type {import("./deck.js").Photo[]} */ ([photos[0], photos[at] ?? photos[1]].filter(Boolean));
  }

  /** What is side by side: the keeper, and the others around the one in focus. */
  get beside() {
    const photos = deck.here?.photos ?? [];
    const last = Math.max(1, photos.length - (MOST_PANES - 1));
    const from = Math.min(last, Math.max(1, deck.focus - 1));
    return [...photos.slice(0, 1), ...photos.slice(from, from + MOST_PANES - 1)];
  }

  async draw() {
    const pair = this.pair;
    const [a, b] = pair;
    const shown = this.mode === "side" ? this.beside : pair;
    clearInterval(this.blinking);
    this.blinking = undefined;
    if (!a || !b) {
      this.dialog.close();
      return;
    }
    Object.assign(this, { top: 0, shown, lays: [] });
    this.heading.textContent = shown.length > 2 ? t("compare.many", { n: shown.length, total: deck.here?.photos.length ?? 0 }) : t("compare.title", { a: a.name, b: b.name });
    put(this.tools, ...MODES.map((mode) => h("button", { "data-do": "mode", type: "button", "aria-pressed": mode === this.mode, onclick: () => this.setMode(mode) }, t(`compare.${mode}`))), h("kbd", { "aria-hidden": "true" }, hint("mode")), this.mode === "difference" ? "" : h("button", { type: "button", "data-do": "loupe", "aria-pressed": String(this.loupe.on), onclick: () => this.loupe.turn(!this.loupe.on) }, t("compare.loupe"), h("kbd", { "aria-hidden": "true" }, hint("loupe"))));
    this.panes.classList.toggle("square", shown.length > 2 && a.width >= a.height);
    this.note.textContent = "";
    if (this.mode === "side") put(this.panes, ...shown.map((photo, at) => this.pane([photo], at)));
    else if (this.mode === "blink") put(this.panes, this.pane(pair, 0));
    else if (this.mode === "slider") put(this.panes, this.pane(pair, 0), this.slide());
    else put(this.panes, h("div.pane", {}, h("canvas", { role: "img", "aria-label": t("compare.difference") })));
    this.marks();
    this.place();
    this.prefetch();
    const lays = await Promise.all(shown.slice(1).map((photo) => this.laid(a, photo)));
    if (this.shown !== shown || !this.isConnected) return;
    this.lays = [null, ...lays];
    const laid = /** @type {Laid} */ (lays[shown.indexOf(b) - 1] ?? lays[0]);
    this.note.textContent = [laid.symmetry ? t("compare.turned") : "", laid.matrix ? t("compare.laid") : isCropped(laid) ? t("compare.cropped") : ""].filter(Boolean).join(" ");
    this.tell(shown, laid);
    this.place();
    if (this.mode === "difference") this.drawDifference(a, b, laid);
  }

  /** @param {import("./deck.js").Photo[]} photos @param {number} at */
  pane(photos, at) {
    const images = photos.map((photo, layer) => {
      const image = h("img", { alt: t("compare.picture", { name: photo.name }), draggable: false, src: picture(photo.id, 320) });
      image.dataset.layer = String(layer);
      image.dataset.photo = String(Math.max(at, layer));
      image.addEventListener("error", () => image.replaceWith(broken(photo.id)));
      this.load(image, photo, 1600);
      return image;
    });
    const label = h("button.label", { "data-do": "pane", type: "button", onclick: () => this.toggle(at) });
    const [below, above] = images;
    return h("div.pane", { "data-at": at }, below ?? "", above ? h("div.over", {}, above) : "", label);
  }

  /** @param {HTMLImageElement} image @param {import("./deck.js").Photo} photo @param {1600 | 4096} edge */
  load(image, photo, edge) {
    const large = new Image();
    large.src = picture(photo.id, edge);
    large.decode().then(() => {
      image.src = large.src;
      this.place();
    }, () => undefined);
  }

  slide() {
    const input = h("input.slide", { type: "range", min: "0", max: "100", value: "50", "aria-label": t("compare.slider") });
    input.addEventListener("input", () => this.clip(Number(input.value)));
    return input;
  }

  /** @param {number} share */
  clip(share) {
    const upper = this.panes.querySelector('[data-layer="1"]');
    const pane = this.panes.querySelector(".pane");
    if (upper && pane) pane.style.setProperty("--cut", `${share}%`);
  }

  /** Keep or trash what a pane shows. @param {number} at */
  toggle(at) {
    const photo = this.shown[this.mode === "side" ? at : this.top];
    if (photo) deck.mark((one) => (one === photo ? !one.keep : one.keep));
  }

  /** @param {import("./deck.js").Photo} a @param {import("./deck.js").Photo} b @param {Laid} laid */
  async drawDifference(a, b, laid) {
    const canvas = this.panes.querySelector("canvas");
    const told = await difference(canvas, picture(a.id, 1600), picture(b.id, 1600), laid.symmetry, laid.matrix).catch(() => null);
    if (this.mode !== "difference" || !canvas.isConnected) return;
    const words = told ? t("compare.changed", { share: percent(told.share, 1), most: percent(told.most) }) : t("compare.failed");
    this.note.textContent = `${words} ${this.note.textContent}`;
    this.place();
  }

  /** @param {import("./deck.js").Photo} a @param {import("./deck.js").Photo} b @returns {Promise<Laid>} */
  laid(a, b) {
    const nothing = { symmetry: 0, overlap_a: null, overlap_b: null, evidence: "", matrix: null };
    return get("/compare", { group_id: deck.here?.id, a: a.id, b: b.id }).catch(() => nothing);
  }

  /** What differs among those that are shown. @param {import("./deck.js").Photo[]} shown @param {Laid} laid */
  tell(shown, laid) {
    const names = [...new Set(shown.flatMap((photo) => photo.facts.map((fact) => fact.name)))];
    const value = (/** @type {import("./deck.js").Photo} */ photo, /** @type {string} */ name) => say(photo.facts.find((fact) => fact.name === name) ?? {}, "value") || "–";
    const rows = [
      [t("table.size"), ...shown.map((photo) => bytes(photo.size))],
      [t("table.resolution"), ...shown.map((photo) => `${photo.width} × ${photo.height}`)],
      [t("table.folder"), ...shown.map((photo) => `${photo.source}: ${photo.folder || "/"}`)],
      ...names.map((name) => [term("field", name), ...shown.map((photo) => value(photo, name))]),
    ].filter(([, ...values]) => new Set(values).size > 1);
    const head = h("tr", {}, h("th", { scope: "col" }, t("table.field")), ...shown.map((photo) => h("th", { scope: "col" }, photo.name)));
    const body = rows.map(([name, ...values]) => h("tr", {}, h("th", { scope: "row" }, name), ...values.map((one) => h("td", {}, one))));
    put(this.facts, h("table", {}, h("thead", {}, head), h("tbody", {}, ...body)), laid.evidence ? h("p", { lang: tongue(laid, "evidence") }, say(laid, "evidence")) : "");
  }

  marks() {
    const focused = this.pair[1];
    for (const pane of this.panes.querySelectorAll(".pane")) {
      const photo = this.shown[this.mode === "side" ? Number(pane.dataset.at) : this.top] ?? this.shown[0];
      if (!photo) continue;
      const number = (deck.here?.photos.indexOf(photo) ?? 0) + 1;
      pane.classList.toggle("trash", !photo.keep);
      pane.classList.toggle("focused", this.shown.length > 2 && photo === focused);
      const label = pane.querySelector(".label");
      if (label) label.textContent = `${number} · ${photo.name} · ${t(photo.keep ? "photo.keep" : "photo.trash")}`;
      if (this.mode === "blink") for (const image of pane.querySelectorAll("img[data-layer]")) image.hidden = Number(image.dataset.layer) !== this.top;
    }
    put(this.foot, ...actions().filter((button) => button.dataset["do"] !== "compare"));
  }

  /** The size of a picture, of the whole in which it lies, and its place there. @param {any} shown */
  spot(shown) {
    const own = { w: shown.naturalWidth || shown.width || 1, h: shown.naturalHeight || shown.height || 1 };
    const { symmetry = 0, matrix = null } = this.lays[Number(shown.dataset.photo)] ?? {};
    const [keeper] = this.shown;
    const seen = matrix ? { w: keeper?.width || 1, h: keeper?.height || 1 } : sideways(symmetry) ? { w: own.h, h: own.w } : own;
    return { own, seen, place: onto(symmetry, matrix) };
  }

  /** Every picture shows the part around the same relative place; a crop lies where it was cut from. */
  place() {
    const { zoom, x, y } = this.view;
    for (const pane of this.panes.querySelectorAll(".pane")) {
      const { clientWidth: wide, clientHeight: high } = pane;
      for (const shown of pane.querySelectorAll("img[data-layer], canvas")) {
        const { own, seen, place } = this.spot(shown);
        const scale = Math.min(wide / seen.w, high / seen.h) * zoom;
        const frame = { w: seen.w * scale, h: seen.h * scale };
        const at = { x: wide / 2 - x * frame.w, y: high / 2 - y * frame.h };
        shown.style.width = `${own.w}px`;
        shown.style.height = `${own.h}px`;
        shown.style.transform = transform(place, own, { ...at, ...frame });
        if (shown.dataset.layer !== "1") this.frames.set(pane, frame);
      }
    }
    this.loupe.draw();
    this.dataset["view"] = JSON.stringify({ ...this.view, mode: this.mode, top: this.top });
  }

  /** @param {number} factor @param {{x: number, y: number}} [under] the place that stays under the pointer */
  zoomBy(factor, under) {
    const at = under ?? this.view;
    const zoom = Math.min(MOST_ZOOM, Math.max(1, this.view.zoom * factor));
    const share = this.view.zoom / zoom;
    const x = zoom === 1 ? 0.5 : at.x + (this.view.x - at.x) * share;
    const y = zoom === 1 ? 0.5 : at.y + (this.view.y - at.y) * share;
    this.view = { zoom, x: clamp(x), y: clamp(y) };
    this.place();
    if (zoom > 2) this.original();
  }

  /** One pixel of the keeper is one of the screen. */
  actual() {
    const [a] = this.pair;
    const pane = this.panes.querySelector(".pane");
    if (!a?.width || !pane) return;
    const fit = Math.min(pane.clientWidth / a.width, pane.clientHeight / a.height);
    this.zoomBy(1 / fit / window.devicePixelRatio / this.view.zoom);
    this.original();
  }

  /** The large rendering of pictures that have more to show than the preview. */
  original() {
    for (const image of this.panes.querySelectorAll("img[data-layer]")) {
      const photo = this.shown[Number(image.dataset.photo)];
      if (!photo || image.dataset.large || Math.max(photo.width, photo.height) <= 1600) continue;
      image.dataset.large = "yes";
      this.load(image, photo, 4096);
    }
  }

  pointer() {
    const relative = (/** @type {any} */ event) => {
      const pane = event.target.closest?.(".pane");
      const frame = this.frames.get(pane);
      if (!frame) return undefined;
      const box = pane.getBoundingClientRect();
      return { x: this.view.x + (event.clientX - box.left - box.width / 2) / frame.w, y: this.view.y + (event.clientY - box.top - box.height / 2) / frame.h };
    };
    this.panes.addEventListener("wheel", (/** @type {WheelEvent} */ event) => {
      event.preventDefault();
      this.zoomBy(event.deltaY < 0 ? 1.25 : 0.8, relative(event));
    }, { passive: false });
    let from = /** @type {any} */ (null);
    this.panes.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
      if (/** @type {Element} */ (event.target).matches("input, button")) return;
      if (this.loupe.on) this.loupe.move(relative(event));
      from = { x: event.clientX, y: event.clientY, view: { ...this.view }, frame: this.frames.get(/** @type {any} */ (event.target).closest(".pane")) };
    });
    this.panes.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
      if (this.loupe.on) return this.loupe.move(relative(event));
      if (!from?.frame || !event.buttons) return;
      this.view.x = clamp(from.view.x - (event.clientX - from.x) / from.frame.w);
      this.view.y = clamp(from.view.y - (event.clientY - from.y) / from.frame.h);
      this.place();
    });
    this.panes.addEventListener("pointerup", () => (from = null));
  }

  /** @param {typeof MODES[number]} mode */
  setMode(mode) {
    this.mode = mode;
    this.loupe.on = false;
    this.draw();
    this.panes.focus();
  }

  flip() {
    this.top = 1 - this.top;
    this.marks();
    this.place();
  }

  blink() {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    if (this.mode !== "blink") this.setMode("blink");
    if (this.blinking) clearInterval(this.blinking);
    this.blinking = this.blinking ? undefined : setInterval(() => this.flip(), BLINK);
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    if (document.querySelector("dialog.question[open]") || target.matches("input")) return;
    if (this.loupe.step(event.key)) return event.preventDefault();
    const action = actionOf(event, "compare");
    if (!action || (target.matches("button") && (event.key === "Enter" || event.key === " "))) return;
    event.preventDefault();
    if (action === "close") this.dialog.close();
    else if (action === "mode") this.setMode(MODES[(MODES.indexOf(this.mode) + 1) % MODES.length] ?? "side");
    else if (action === "flip") this.mode === "blink" ? this.flip() : this.setMode("blink");
    else if (action === "blink") this.blink();
    else if (action === "loupe") event.repeat || this.loupe.press();
    else if (action === "zoomIn") this.zoomBy(1.5);
    else if (action === "zoomOut") this.zoomBy(1 / 1.5);
    else if (action === "fit") this.zoomBy(0);
    else if (action === "actual") this.actual();
    else if (action === "right") this.other(1);
    else if (action === "left") this.other(-1);
    else onGroup(action, event.key);
  }

  /** Another photo beside the keeper. @param {number} by */
  other(by) {
    const photos = deck.here?.photos.length ?? 0;
    if (photos < 2) return;
    const at = Math.max(1, deck.focus);
    deck.focus = ((at - 1 + by + photos - 1) % (photos - 1)) + 1;
    deck.tell("here");
  }

  prefetch() {
    for (const photo of deck.at(deck.index + 1)?.photos.slice(0, 2) ?? []) new Image().src = picture(photo.id, 1600);
  }
}

/** @param {Laid} laid */
function isCropped({ overlap_a: a, overlap_b: b }) {
  return a !== null && b !== null && Math.min(a, b) < 0.97;
}

/** @param {number} value */
function clamp(value) {
  return Math.min(1, Math.max(0, value));
}

export function openCompare() {
  if (!document.querySelector("compare-dialog")) document.body.append(document.createElement("compare-dialog"));
}

customElements.define("compare-dialog", CompareDialog);
