// @ts-check
/** One group, large: who stays and why, and only what differs. */
import { picture, whyNot } from "./api.js";
import { LANES, deck } from "./deck.js";
import { h, icon, put } from "./dom.js";
import { hint } from "./keys.js";
import { bytes, bytesDelta, count, percent, say, t, term, tongue } from "./words.js";

const SHARP_AFTER = 140; // milliseconds on one group before its large pictures are asked for
const MANY = 8;

class GroupCard extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    const signal = { signal: this.stop.signal };
    deck.addEventListener("here", () => this.draw(), signal);
    deck.addEventListener("list", () => this.draw(), signal);
    deck.addEventListener("group", (event) => {
      if (/** @type {CustomEvent} */ (event).detail === deck.here) this.draw();
    }, signal);
    this.draw();
  }

  disconnectedCallback() {
    this.stop?.abort();
    clearTimeout(this.later);
  }

  draw() {
    const group = deck.here;
    clearTimeout(this.later);
    if (!group) {
      this.shown = undefined;
      put(this, this.nothing());
      return;
    }
    if (this.shown !== group || this.version !== `${group.photos.map((photo) => photo.id)}`) this.build(group);
    this.update(group);
    this.later = setTimeout(() => this.sharpen(group), SHARP_AFTER);
    prefetch();
  }

  nothing() {
    if (deck.error) {
      const again = h("button", { "data-do": "retryGroups", onclick: () => deck.open() }, t("state.retry"));
      return h("div.empty", { role: "alert" }, h("h2", {}, t("state.error")), h("p", {}, deck.error), again);
    }
    if (deck.loading || (deck.total && !deck.finished)) return h("div.empty.skeleton", { "aria-busy": "true" }, t("state.loading"));
    const lane = deck.lane === "decided" ? "empty.decided" : Object.keys(deck.filter).length ? "empty.filter" : "empty.lane";
    const { planned_photos: planned = 0, planned_bytes: size = 0, lanes = {} } = deck.summary ?? {};
    const next = LANES.find((one) => one !== deck.lane && lanes[one]?.groups);
    return h(
      "div.empty",
      {},
      h("h2", { tabIndex: -1 }, t(lane, { lane: t(`lane.${deck.lane}`) })),
      planned ? h("p", {}, t("empty.planned", { n: planned, size: bytes(size) })) : "",
      planned || next ? "" : h("p", {}, t("empty.next")),
      h(
        "p.buttons",
        {},
        next ? h("a.button.primary", { href: `#/review/${next}` }, t("empty.lanes", { lane: t(`lane.${next}`), n: lanes[next].groups })) : "",
        planned ? h(`a.button${next ? "" : ".primary"}`, { href: "#/plan" }, t("nav.plan")) : "",
        planned || next ? "" : h("a.button", { href: "#/home" }, t("nav.home")),
      ),
    );
  }

  /** @param {import("./deck.js").Group} group */
  build(group) {
    this.shown = group;
    this.version = `${group.photos.map((photo) => photo.id)}`;
    this.heading = h("h2", { tabIndex: -1, id: "group-title" });
    this.about = h("p.about");
    this.figures = group.photos.map((photo, at) => this.photo(group, photo, at));
    const many = group.photos.length > MANY;
    this.photos = h(`div.photos.n${Math.min(group.photos.length, 5)}${many ? ".many" : ""}`, {}, ...this.figures);
    const same = group.same.map((name) => term("field", name));
    put(
      this,
      h("header", {}, this.heading, this.about),
      this.photos,
      h("p.same", {}, same.length ? t("card.same", { fields: same.join(", "), n: same.length }) : ""),
    );
  }

  /** @param {import("./deck.js").Group} group @param {import("./deck.js").Photo} photo @param {number} at */
  photo(group, photo, at) {
    const image = h("img", { src: picture(photo.id, 320), alt: "", decoding: "async", draggable: false });
    image.addEventListener("error", () => image.replaceWith(broken(photo.id)));
    const badge = h("span.badge");
    const toggle = h(
      "button.toggle",
      {
        type: "button",
        "data-do": "photo",
        onclick: () => {
          deck.focus = at;
          deck.mark((one, place) => (place === at ? !one.keep : one.keep));
          deck.tell("here");
        },
        ondblclick: () => deck.tell("compare"),
      },
      image,
      badge,
      at < 9 ? h("kbd.number", { "aria-hidden": "true" }, at + 1) : "",
    );
    const figure = h(
      "figure",
      {},
      toggle,
      h(
        "figcaption",
        {},
        h("span.name", {}, photo.name),
        h("span.size", {}, ...sizes(photo, /** @type {any} */ (group.photos[0]), at)),
        h("span.folder", { title: `${photo.source}: ${photo.folder}` }, h("b", {}, photo.source), ` ${photo.folder || "/"}`),
        photo.chips.length ? h("span.chips", {}, ...photo.chips.map((chip) => h("span.chip", {}, term("chip", chip)))) : "",
        say(photo, "warning") ? h("span.warning", { lang: tongue(photo, "warning") }, icon("warn"), say(photo, "warning")) : "",
        h("dl", {}, ...photo.facts.flatMap((fact) => factRow(fact))),
        say(photo, "why") ? h("span.why", { lang: tongue(photo, "why") }, say(photo, "why")) : "",
        say(photo, "evidence") ? h("span.evidence", { lang: tongue(photo, "evidence") }, say(photo, "evidence")) : "",
      ),
    );
    Object.assign(figure, { badge, toggle, image });
    return figure;
  }

  /** @param {import("./deck.js").Group} group */
  update(group) {
    const goes = group.photos.filter((photo) => !photo.keep);
    const size = goes.reduce((sum, photo) => sum + photo.size, 0);
    const kind = t(`relation.${group.relation}`, { n: group.photos.length });
    this.heading.textContent = t("card.title", { at: deck.index + 1, total: deck.total, kind });
    const score = group.score === null ? "" : t("card.score", { score: percent(Math.floor(group.score * 1000) / 1000, 1) });
    const frees = goes.length ? t("card.frees", { n: goes.length, size: bytes(size) }) : t("card.freesNothing");
    const saved = group.pending ? t("card.unsaved") : group.status === "decided" ? t("card.saved") : "";
    put(
      this.about,
      h("span.reason", {}, say(group, "reason") ? t("card.reason", { reason: say(group, "reason") }) : ""),
      score ? h("span", {}, score) : "",
      h("span.frees", {}, frees),
      saved ? h(`span.saved${group.pending ? ".pending" : ""}`, {}, icon(group.pending ? "later" : "keep"), saved) : "",
    );
    group.photos.forEach((photo, at) => this.show(photo, at));
    this.classList.toggle("decided", group.status === "decided");
  }

  /** @param {import("./deck.js").Photo} photo @param {number} at */
  show(photo, at) {
    const figure = /** @type {any} */ (this.figures?.[at]);
    const words = t(photo.keep ? "photo.keep" : "photo.trash");
    figure.className = `${photo.keep ? "keep" : "trash"}${at === deck.focus ? " focused" : ""}`;
    put(figure.badge, icon(photo.keep ? "keep" : "trash"), words);
    figure.toggle.setAttribute("aria-pressed", String(photo.keep));
    figure.toggle.setAttribute("aria-label", t("photo.label", { name: photo.name, state: words, number: at + 1 }));
  }

  /** Large pictures for whoever stays a moment. @param {import("./deck.js").Group} group */
  sharpen(group) {
    if (group.photos.length > 6) return;
    group.photos.forEach((photo, at) => {
      if (photo.warning && !photo.width) return;
      const figure = /** @type {any} */ (this.figures?.[at]);
      const large = new Image();
      large.src = picture(photo.id, 1600);
      large.decode().then(() => {
        if (deck.here === group) figure.image.src = large.src;
      }, () => undefined);
    });
  }
}

/** What stands for a picture that cannot be shown: that, and why. @param {string} photo */
export function broken(photo) {
  const words = h("span", {}, t("photo.unreadable"));
  whyNot(photo, 320).then((why) => why && put(words, why));
  return h("span.broken", {}, icon("broken"), words);
}

/** @param {import("./deck.js").Photo} photo @param {import("./deck.js").Photo} keeper @param {number} at */
function sizes(photo, keeper, at) {
  const shown = photo.width && photo.height ? `${count(photo.width)} × ${count(photo.height)}` : t("photo.noSize");
  const delta = at ? bytesDelta(photo.size, keeper.size) : "";
  const pixels = at && photo.width && keeper.width ? pixelsDelta(photo, keeper) : "";
  return [
    h("span.resolution", {}, shown, pixels ? h("em", {}, pixels) : ""),
    h("span.bytes", {}, bytes(photo.size), delta ? h("em", {}, delta) : ""),
  ];
}

/** @param {import("./deck.js").Photo} photo @param {import("./deck.js").Photo} keeper */
function pixelsDelta(photo, keeper) {
  const share = (photo.width * photo.height) / (keeper.width * keeper.height);
  if (share === 1) return "";
  return share < 1 ? t("photo.smaller", { share: percent(share) }) : t("photo.larger", { share: percent(share) });
}

/** @param {import("./deck.js").Fact} fact */
function factRow(fact) {
  const value = [say(fact, "value"), fact.delta ? h("em", {}, ` ${fact.delta}`) : ""];
  return [h("dt", {}, term("field", fact.name)), h("dd", {}, ...value)];
}

/** The small pictures of the next groups, so that a key press finds them. */
function prefetch() {
  for (let index = deck.index + 1; index <= deck.index + 3; index += 1) {
    for (const photo of deck.at(index)?.photos.slice(0, 6) ?? []) Object.assign(new Image(), { fetchPriority: "low", src: picture(photo.id, 320) });
  }
}

/** The buttons under a group, each with its key. */
export function actions() {
  const group = deck.here;
  if (!group) return [];
  const goes = group?.photos.filter((photo) => !photo.keep).length ?? 0;
  const kept = (group?.photos.length ?? 0) - goes;
  const accept = goes ? t("do.keepAndTrash", { keep: kept, n: goes }) : t("do.keepAllOf", { n: kept });
  /** @type {[string, string, () => void, string][]} */
  const buttons = [
    ["accept", accept, () => deck.decide("keep"), "primary"],
    ["onlyThis", t("do.onlyThis", { n: deck.focus + 1 }), onlyThis, ""],
    ...(goes ? [/** @type {[string, string, () => void, string]} */ (["keepAll", t("do.keepAll"), () => deck.decide("keep_all"), ""])] : []),
    ["apart", t("do.apart"), () => deck.decide("not_duplicates"), ""],
    ["skip", t("do.skip"), () => deck.decide("skip"), ""],
    ["compare", t("do.compare"), () => deck.tell("compare"), ""],
  ];
  return buttons.map(([action, text, run, kind]) =>
    h(`button${kind ? `.${kind}` : ""}`, { type: "button", disabled: !group, onclick: run, "data-do": action }, text, h("kbd", { "aria-hidden": "true" }, hint(action))),
  );
}

/** Keep the photo in focus and none of the others, until it is accepted. */
export function onlyThis() {
  deck.mark((_, place) => place === deck.focus);
  deck.tell("here");
}

customElements.define("group-card", GroupCard);
