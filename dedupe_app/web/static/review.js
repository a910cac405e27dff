// @ts-check
/** The screen on which a person decides: lanes, filters, the list, one group, and what was just decided. */
import { sentence } from "./api.js";
import { actions, onlyThis } from "./card.js";
import { LANES, deck } from "./deck.js";
import { announce, ask, h, icon, put, reveal } from "./dom.js";
import "./filters.js";
import { GO, actionOf, hint } from "./keys.js";
import "./list.js";
import { bytes, count, say, t } from "./words.js";

class ReviewScreen extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    const signal = { signal: this.stop.signal };
    this.lanes = h("nav.lanes", { "aria-label": t("nav.lanes") });
    this.filters = h("filter-bar", { onbulk: () => this.acceptLane() });
    this.bar = h("div.actions", { role: "toolbar", "aria-label": t("nav.actions") });
    this.toast = h("div.toast", { role: "status" });
    put(
      this,
      h("h1.sr", {}, t("nav.review")),
      h("div.top", {}, this.lanes, this.filters),
      h("group-list"),
      h("section.stage", { "aria-labelledby": "group-title" }, h("group-card"), h("div.foot", {}, this.bar)),
      this.toast,
    );
    deck.addEventListener("summary", () => this.drawLanes(), signal);
    deck.addEventListener("list", () => this.drawLanes(), signal);
    deck.addEventListener("here", () => this.drawBar(), signal);
    deck.addEventListener("group", () => this.drawBar(), signal);
    deck.addEventListener("queue", () => this.drawToast(), signal);
    deck.addEventListener("compare", () => this.compare(), signal);
    deck.addEventListener("said", (event) => announce(t(/** @type {CustomEvent} */ (event).detail)), signal);
    deck.addEventListener("refused", (event) => this.refuse(/** @type {CustomEvent} */ (event).detail), signal);
    document.addEventListener("keydown", (event) => this.press(event), signal);
    this.swipes();
    this.drawLanes();
    this.drawBar();
    this.drawToast();
  }

  disconnectedCallback() {
    this.stop?.abort();
  }

  drawLanes() {
    put(
      this.lanes,
      ...LANES.map((lane) => {
        const figures = deck.summary?.lanes ?? {};
        const decided = Object.values(figures).reduce((sum, one) => sum + /** @type {any} */ (one).decided, 0);
        const groups = lane === "decided" ? decided : (figures[lane]?.groups ?? 0);
        const here = lane === deck.lane ? "page" : undefined;
        return h("a", { href: `#/review/${lane}`, "aria-current": here }, t(`lane.${lane}`), h("span.count", {}, count(groups)));
      }),
    );
    reveal(this.lanes);
  }

  drawBar() {
    const focused = this.bar.contains(document.activeElement) ? document.activeElement?.getAttribute("data-do") : null;
    put(this.bar, ...actions());
    if (focused) this.bar.querySelector(`[data-do="${focused}"]`)?.focus();
  }

  drawToast() {
    const act = deck.acts.findLast((one) => !one.undone);
    if (this.acts !== deck.acts.length) this.refused = "";
    const refused = this.refused ? h("span.pending", { role: "alert" }, icon("warn"), this.refused) : null;
    const unsaved = deck.offline ? h("span.pending", {}, icon("warn"), t("toast.unsaved", { n: deck.queue.length })) : refused;
    if (!act) {
      put(this.toast, unsaved ?? h("span.quiet", {}, t("toast.none")));
      return;
    }
    const words = act.groups > 1 ? t("toast.many", { n: act.groups, size: bytes(act.bytes) }) : t(`toast.${act.verb}`, { n: act.photos, size: bytes(act.bytes) });
    put(
      this.toast,
      unsaved,
      h("span", {}, words),
      h("button", { "data-do": "undo", type: "button", onclick: () => deck.undo() }, icon("undo"), t("do.undo"), h("kbd", { "aria-hidden": "true" }, hint("undo"))),
    );
  }

  /** What was refused stands until the next decision. @param {string} sentence */
  refuse(sentence) {
    this.refused = sentence;
    this.acts = deck.acts.length;
    this.drawToast();
  }

  compare() {
    const group = deck.here;
    if (group && group.photos.length > 1) import("./compare.js").then((found) => found.openCompare(), () => this.refuse(t("state.noServer")));
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    if (document.querySelector("dialog[open]")) return;
    if (target.matches("input:not([type=checkbox]):not([type=range]), select, textarea")) {
      if (event.key === "Escape") target.blur();
      return;
    }
    if (this.going) {
      this.going = false;
      const place = GO[event.key];
      if (place) {
        event.preventDefault();
        location.hash = place;
      }
      return;
    }
    const action = actionOf(event, "review");
    if (!action) return;
    const onButton = target.matches("button, a[href], summary") && (event.key === "Enter" || event.key === " ");
    if (onButton && !event.shiftKey) return;
    event.preventDefault();
    this.run(action, event.key);
  }

  /** @param {string} action @param {string} key */
  run(action, key) {
    if (action === "next") deck.go(deck.index + 1);
    else if (action === "previous") deck.go(deck.index - 1);
    else if (action === "right") deck.moveFocus(1);
    else if (action === "left") deck.moveFocus(-1);
    else if (action === "search") this.filters.search.focus();
    else if (action === "filter") this.filters.toggle();
    else if (action === "lane") this.going = true;
    else if (action === "acceptLane") this.acceptLane();
    else if (action === "legend") location.hash = "#/settings";
    else onGroup(action, key);
  }

  /** Everything that the rules suggest in this list, after a look at what that is. */
  async acceptLane() {
    if (deck.lane === "decided") return;
    const filter = { lane: deck.lane, ...deck.filter };
    const dry = await deck.bulk({ filter, verb: "accept", dry_run: true });
    if (!dry.groups) {
      announce(t("bulk.nothing"));
      put(this.toast, h("span", {}, t("bulk.nothing")));
      return;
    }
    const body = [
      h("p", {}, t("bulk.would", { n: dry.groups, photos: dry.photos, size: bytes(dry.bytes) })),
      h("ul.sample", {}, ...dry.sample.map(sampleRow)),
      dry.left_open ? h("p", {}, t("bulk.leftOpen", { n: dry.left_open })) : "",
      h("p", {}, t("bulk.nothingGoes")),
    ];
    const yes = await ask({ title: t("bulk.title", { lane: t(`lane.${deck.lane}`) }), body, yes: t("bulk.yes", { n: dry.groups }), no: t("do.cancel") });
    if (yes === null) return;
    try {
      await deck.bulk({ filter, verb: "accept", dry_run: false, expected_groups: dry.groups });
    } catch (error) {
      this.refuse(sentence(error));
    }
  }

  /** Left and right between groups, on a touch screen. */
  swipes() {
    let from = { x: 0, y: 0 };
    const stage = /** @type {HTMLElement} */ (this.querySelector(".stage"));
    stage.addEventListener("touchstart", (event) => {
      const [touch] = event.touches;
      if (touch) from = { x: touch.clientX, y: touch.clientY };
    }, { passive: true });
    stage.addEventListener("touchend", (event) => {
      const [touch] = event.changedTouches;
      if (!touch) return;
      const across = touch.clientX - from.x;
      if (Math.abs(across) > 60 && Math.abs(across) > 2 * Math.abs(touch.clientY - from.y)) deck.go(deck.index + (across < 0 ? 1 : -1));
    }, { passive: true });
  }
}

/** What a key does to the group that is here, on this screen and in the comparison. @param {string} action @param {string} key */
export function onGroup(action, key) {
  if (action === "undo") deck.undo();
  if (!deck.here) return;
  if (action === "toggle") {
    const at = Number(key) - 1;
    if (at >= deck.here.photos.length) return;
    deck.focus = at;
    deck.mark((photo, place) => (place === at ? !photo.keep : photo.keep));
    deck.tell("here");
  } else if (action === "accept") deck.decide("keep");
  else if (action === "onlyThis") onlyThis();
  else if (action === "keepAll") deck.decide("keep_all");
  else if (action === "apart") deck.decide("not_duplicates");
  else if (action === "skip") deck.decide("skip");
  else if (action === "compare") deck.tell("compare");
}

/** @param {import("./deck.js").Group} group */
function sampleRow(group) {
  const keep = group.photos.filter((photo) => photo.keep).map((photo) => photo.name);
  const goes = group.photos.filter((photo) => !photo.keep).map((photo) => photo.name);
  return h("li", {}, icon("keep"), keep.join(", "), " ", icon("trash"), goes.join(", "), h("small", {}, say(group, "reason")));
}

customElements.define("review-screen", ReviewScreen);
