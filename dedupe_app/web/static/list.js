// @ts-check
/** The list of groups: as many rows as fit are in the document, however long the list is. */
import { picture } from "./api.js";
import { deck } from "./deck.js";
import { h, icon, put } from "./dom.js";
import { bytes, t } from "./words.js";

const ROW = 64;
const BEYOND = 4;

class GroupList extends HTMLElement {
  connectedCallback() {
    this.spacer = h("div.spacer", { role: "presentation" });
    this.box = h("div.rows", { role: "listbox", tabIndex: 0, "aria-label": t("list.label") }, this.spacer);
    put(this, this.box);
    /** @type {Map<number, HTMLElement>} */
    this.rows = new Map();
    this.box.addEventListener("scroll", () => this.soon(), { passive: true });
    this.stop = new AbortController();
    const signal = { signal: this.stop.signal };
    deck.addEventListener("list", () => this.reset(), signal);
    deck.addEventListener("items", () => this.draw(), signal);
    deck.addEventListener("here", () => this.follow(), signal);
    deck.addEventListener("group", (event) => this.redraw(/** @type {CustomEvent} */ (event).detail), signal);
    this.watch = new ResizeObserver(() => this.soon());
    this.watch.observe(this.box);
    this.reset();
  }

  disconnectedCallback() {
    this.stop?.abort();
    this.watch?.disconnect();
  }

  soon() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.draw();
    });
  }

  reset() {
    for (const row of this.rows?.values() ?? []) row.remove();
    this.rows = new Map();
    this.spacer.style.height = `${deck.total * ROW}px`;
    if (deck.index === 0) this.box.scrollTop = 0;
    this.draw();
  }

  /** Keep the group that is here in sight. */
  follow() {
    const top = deck.index * ROW;
    const { scrollTop, clientHeight } = this.box;
    if (top < scrollTop) this.box.scrollTop = top;
    else if (top + ROW > scrollTop + clientHeight) this.box.scrollTop = top + ROW - clientHeight;
    for (const [index, row] of this.rows ?? []) this.select(row, index);
    this.draw();
  }

  draw() {
    const first = Math.max(0, Math.floor(this.box.scrollTop / ROW) - BEYOND);
    const high = Math.min(this.box.clientHeight, window.innerHeight);
    const last = Math.min(deck.total - 1, Math.ceil((this.box.scrollTop + high) / ROW) + BEYOND);
    deck.need(first, last);
    for (const [index, row] of this.rows ?? []) {
      if (index < first || index > last || (row.dataset["empty"] && deck.at(index))) {
        row.remove();
        this.rows?.delete(index);
      }
    }
    for (let index = first; index <= last; index += 1) {
      if (this.rows?.has(index)) continue;
      const row = this.row(index);
      this.rows?.set(index, row);
      this.spacer.append(row);
    }
    this.box.setAttribute("aria-activedescendant", this.rows?.has(deck.index) ? `row-${deck.index}` : "");
  }

  /** @param {number} index */
  row(index) {
    const group = deck.at(index);
    const props = { role: "option", id: `row-${index}`, "aria-setsize": deck.total, "aria-posinset": index + 1 };
    const row = h("div.row", { ...props, onclick: () => deck.go(index) });
    row.style.top = `${index * ROW}px`;
    if (group) this.fill(row, group);
    else row.dataset["empty"] = "yes";
    if (!group) row.setAttribute("aria-label", t("state.loading"));
    this.select(row, index);
    return row;
  }

  /** @param {HTMLElement} row @param {import("./deck.js").Group} group */
  fill(row, group) {
    const [keeper] = group.photos;
    if (!keeper) return;
    const goes = group.photos.filter((photo) => !photo.keep).length;
    const about = goes ? t("list.frees", { n: goes, size: bytes(group.bytes) }) : t("list.photos", { n: group.photos.length });
    row.classList.toggle("decided", group.status === "decided");
    put(
      row,
      small(keeper.id, 48),
      h("span.name", {}, keeper.name),
      h("span.about", {}, group.status === "decided" ? h("span.mark", {}, icon(sign(group)), t(`verb.${group.verb ?? "keep_all"}`)) : "", about),
    );
  }

  /** @param {import("./deck.js").Group} group */
  redraw(group) {
    for (const [index, row] of this.rows ?? []) if (deck.at(index) === group) this.fill(row, group);
  }

  /** @param {HTMLElement} row @param {number} index */
  select(row, index) {
    row.setAttribute("aria-selected", String(index === deck.index));
  }
}

/** A photo at a glance; where it cannot be shown, a sign for that. @param {string} photo @param {number} edge */
export function small(photo, edge) {
  const image = h("img", { fetchPriority: "low", loading: "lazy", decoding: "async", src: picture(photo, 320), alt: "", width: edge, height: edge });
  image.addEventListener("error", () => image.replaceWith(h("span.broken.small", {}, icon("broken"))));
  return image;
}

/** @param {import("./deck.js").Group} group */
export function sign(group) {
  if (group.verb === "skip") return "later";
  if (group.verb === "not_duplicates") return "apart";
  return "keep";
}

customElements.define("group-list", GroupList);
