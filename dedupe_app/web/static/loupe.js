// @ts-check
/** A lens on every picture of a comparison, at the same relative place in all of them: one pixel of the keeper is one of
 *  the screen. */
import { h } from "./dom.js";
import { transform } from "./laying.js";

const LENS = 240;
const SHARE = 0.75; // of the picture's pane at most
const BORDER = 3;
const HELD = 350; // milliseconds after which a key was held and not tapped
const STEP = 0.04; // of the picture, for a press of an arrow

export class Loupe {
  /** @param {any} dialog the comparison */
  constructor(dialog) {
    this.dialog = dialog;
    this.on = false;
    this.at = { x: 0.5, y: 0.5 };
    this.since = 0;
  }

  /** A key goes down: the lens comes, or goes when it was there. */
  press() {
    this.since = performance.now();
    this.turn(!this.on);
  }

  /** The key comes up: whoever held it is done, whoever tapped it goes on looking. */
  release() {
    if (this.on && performance.now() - this.since > HELD) this.turn(false);
  }

  /** @param {boolean} on */
  turn(on) {
    this.on = on;
    if (on && !inside(this.at)) this.at = { x: this.dialog.view.x, y: this.dialog.view.y };
    if (on) this.dialog.original();
    this.dialog.tools.querySelector('[data-do="loupe"]')?.setAttribute("aria-pressed", String(on));
    this.draw();
  }

  /** @param {{x: number, y: number} | undefined} place */
  move(place) {
    if (!place || !inside(place)) return;
    this.at = place;
    this.draw();
  }

  /** An arrow key moves the lens. @param {string} key */
  step(key) {
    const ways = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
    const way = /** @type {Record<string, number[]>} */ (ways)[key];
    if (!this.on || !way) return false;
    const [x = 0, y = 0] = way;
    this.at = { x: Math.min(1, Math.max(0, this.at.x + x)), y: Math.min(1, Math.max(0, this.at.y + y)) };
    this.draw();
    return true;
  }

  draw() {
    for (const pane of this.dialog.panes.querySelectorAll(".pane")) this.lens(pane);
  }

  /** @param {HTMLElement} pane */
  lens(pane) {
    const image = /** @type {HTMLImageElement | null} */ (pane.querySelector("img[data-layer]:not([hidden])"));
    const frame = this.dialog.frames.get(pane);
    let lens = /** @type {HTMLElement | null} */ (pane.querySelector(".lens"));
    if (!this.on || !image || !frame) {
      lens?.remove();
      return;
    }
    if (!lens) {
      lens = /** @type {HTMLElement} */ (h("div.lens", { "aria-hidden": "true" }, h("img", { alt: "", draggable: false })));
      pane.append(lens);
    }
    const inner = /** @type {HTMLImageElement} */ (lens.firstElementChild);
    if (inner.src !== image.src) inner.src = image.src;
    const { own, seen, place } = this.dialog.spot(image);
    const size = Math.round(Math.min(LENS, pane.clientWidth * SHARE, pane.clientHeight * SHARE));
    lens.style.width = lens.style.height = `${size}px`;
    const half = size / 2 - BORDER;
    const wide = (this.dialog.shown[0]?.width || seen.w) / window.devicePixelRatio;
    const high = (wide * seen.h) / seen.w;
    inner.style.width = `${own.w}px`;
    inner.style.height = `${own.h}px`;
    inner.style.transform = transform(place, own, { x: half - this.at.x * wide, y: half - this.at.y * high, w: wide, h: high });
    lens.style.left = `${pane.clientWidth / 2 + (this.at.x - this.dialog.view.x) * frame.w - size / 2}px`;
    lens.style.top = `${pane.clientHeight / 2 + (this.at.y - this.dialog.view.y) * frame.h - size / 2}px`;
  }
}

/** @param {{x: number, y: number}} place */
function inside({ x, y }) {
  return x >= 0 && x <= 1 && y >= 0 && y <= 1;
}
