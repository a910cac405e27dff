// @ts-check
/** The frame around the screens: where one is, where one can go, what is being done, and one state for all of them. */
import { listAddress, listOf, sameList } from "./address.js";
import { ApiError, begin, events, listen } from "./api.js";
import { LANES, deck } from "./deck.js";
import { h, put, reveal } from "./dom.js";
import "./home.js";
import { GO, actionOf } from "./keys.js";
import "./review.js";
import "./work.js";
import { bytes, preferred, speak, t } from "./words.js";

const SCREENS = ["home", "review", "plan", "history", "rules", "learn", "settings"];
/** What the first screen does without; all of it is fetched once that is shown, lest the server is away later. */
const LATER = {
  plan: () => import("./plan.js"),
  history: () => import("./history.js"),
  rules: () => import("./rules.js"),
  learn: () => import("./learn.js"),
  settings: () => import("./settings.js"),
  compare: () => import("./compare.js"),
};

const QUIET = 500; // milliseconds in which the first screen has the line to itself

class App extends HTMLElement {
  async connectedCallback() {
    applyTheme();
    this.openEarly();
    const spoken = speak(preferred((document.documentElement.dataset["languages"] ?? "en").split(" ")));
    try {
      this.about = await begin();
    } catch (error) {
      await spoken;
      this.refused(error);
      return;
    }
    await spoken;
    deck.setSummary(this.about.summary);
    this.frame();
    listen();
    window.addEventListener("hashchange", () => this.route());
    window.addEventListener("keepone-language", () => this.retell());
    document.addEventListener("keydown", (event) => this.press(event));
    events.addEventListener("groups", () => this.changed());
    events.addEventListener("job", (event) => this.found(/** @type {CustomEvent} */ (event).detail));
    window.addEventListener("beforeunload", (event) => deck.queue.length && event.preventDefault());
    deck.addEventListener("summary", () => this.drawSavings());
    this.route();
    setTimeout(() => Promise.all(Object.values(LATER).map((load) => load())).catch(() => undefined), QUIET);
  }

  frame() {
    this.main = h("main", { id: "main", tabIndex: -1 });
    this.links = h("nav.screens", { "aria-label": t("nav.screens") });
    this.savings = h("a.savings", { href: "#/plan" });
    put(
      this,
      h("a.skip", { href: "#main", onclick: (/** @type {Event} */ event) => { event.preventDefault(); this.main.focus(); } }, t("nav.skip")),
      h("header.app", {}, h("a.brand", { href: "#/home" }, "KeepOne"), this.links, this.savings),
      h("work-bar"),
      this.main,
      h("div.sr", { id: "announcer", "aria-live": "polite" }),
    );
    this.drawSavings();
  }

  drawSavings() {
    const { planned_photos: photos = 0, planned_bytes: size = 0 } = deck.summary ?? {};
    put(this.savings, photos ? t("nav.savings", { n: photos, size: bytes(size) }) : t("nav.noSavings"));
  }

  route() {
    const [screen = ""] = location.hash.replace(/^#\//, "").split(/[/?]/);
    const name = SCREENS.includes(screen) ? screen : "home";
    put(this.links, ...SCREENS.map((one) => h("a", { href: one === "review" ? listAddress(deck.lane, deck.filter, deck.sort) : `#/${one}`, "aria-current": one === name ? "page" : undefined }, t(`nav.${one}`))));
    reveal(this.links);
    events.dispatchEvent(new Event("screen"));
    document.body.dataset["screen"] = name; // before anything is measured: a screen's height hangs on it
    const element = `${name}-screen`;
    if (name === "review") this.review();
    else if (this.main.firstElementChild?.localName !== element) put(this.main, document.createElement(element));
    /** @type {Record<string, () => Promise<any>>} */ (LATER)[name]?.().catch(() => this.away(name));
    document.title = `${t(`nav.${name}`)} · KeepOne`;
  }

  /** The code of a screen could not be fetched. @param {string} name */
  away(name) {
    const again = () => {
      put(this.main);
      this.route();
    };
    if (document.body.dataset["screen"] === name) put(this.main, h("div.empty", { role: "alert" }, h("p", {}, t("state.noServer")), h("button", { "data-do": "retryScreen", type: "button", onclick: again }, t("state.retry"))));
  }

  /** A page that begins with the review asks for its groups before anything else is there. */
  openEarly() {
    if (!/^#\/review\b/.test(location.hash)) return;
    const wanted = known(listOf(location.hash));
    this.early = true;
    deck.open(wanted.lane, wanted.filter, wanted.sort);
  }

  /** The list of the address; a screen that shows the lane already only gets other groups. */
  review() {
    const wanted = known(listOf(location.hash));
    const there = this.main.firstElementChild?.localName === "review-screen";
    const same = sameList(wanted, deck) && (there || this.early);
    const lane = deck.lane === wanted.lane;
    this.early = false;
    if (!same) deck.open(wanted.lane, wanted.filter, wanted.sort);
    if (!there || !lane) put(this.main, document.createElement("review-screen"));
  }

  /** The first groups are there while a scan still compares. @param {any} job */
  found(job) {
    const { stage = "" } = job.status;
    if (job.kind !== "scan" || job.state !== "running" || stage === this.stage) return;
    this.stage = stage;
    if (!deck.summary?.photos) this.changed();
  }

  /** A run ended, or photos went or came back. */
  async changed() {
    await deck.refreshSummary();
    const idle = !deck.queue.length && (!deck.here || (deck.index === 0 && !deck.here.touched));
    if (document.body.dataset["screen"] === "review" && idle) deck.open();
  }

  retell() {
    this.frame();
    put(this.main);
    this.route();
  }

  /** `g` and a letter go somewhere, from every screen but the review, which listens itself. @param {KeyboardEvent} event */
  press(event) {
    if (document.body.dataset["screen"] === "review" || document.querySelector("dialog[open]")) return;
    if (/** @type {HTMLElement} */ (event.target).matches("input, select, textarea")) return;
    if (this.going) {
      this.going = false;
      if (GO[event.key]) location.hash = /** @type {string} */ (GO[event.key]);
      return;
    }
    const action = actionOf(event, "other");
    if (action === "lane") this.going = true;
    if (action === "legend") location.hash = "#/settings";
  }

  /** @param {unknown} error */
  refused(error) {
    const known = error instanceof ApiError;
    put(this, h("main.refused", {}, h("h1", {}, "KeepOne"), h("p", { role: "alert" }, known ? error.message : t("state.noServer"))));
  }
}

/** @param {import("./address.js").Listing} wanted */
function known(wanted) {
  return { ...wanted, lane: /** @type {readonly string[]} */ (LANES).includes(wanted.lane) ? wanted.lane : "identical" };
}

export function applyTheme() {
  document.documentElement.dataset["theme"] = localStorage.getItem("theme") ?? "auto";
}

customElements.define("keepone-app", App);
