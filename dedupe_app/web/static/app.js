// @ts-check
/** The frame around the screens: where one is, where one can go, what is being done, and one state for all of them. */
import { ApiError, begin, events, listen } from "./api.js";
import { LANES, deck } from "./deck.js";
import { h, put, reveal } from "./dom.js";
import "./history.js";
import "./home.js";
import { GO, actionOf } from "./keys.js";
import "./learn.js";
import "./plan.js";
import "./review.js";
import "./rules.js";
import "./settings.js";
import "./work.js";
import { bytes, preferred, speak, t } from "./words.js";

const SCREENS = ["home", "review", "plan", "history", "rules", "learn", "settings"];

class App extends HTMLElement {
  async connectedCallback() {
    applyTheme();
    /** @type {string[]} */
    let languages = ["en"];
    const summary = deck.refreshSummary();
    summary.catch(() => undefined); // what is wrong with the server is told by the first answer
    this.openEarly();
    try {
      this.about = await begin();
      languages = this.about.languages;
    } catch (error) {
      await speak("en");
      this.refused(error);
      return;
    }
    await Promise.all([speak(preferred(languages)), summary]);
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
    const [screen = "", detail = ""] = location.hash.replace(/^#\//, "").split("/");
    const name = SCREENS.includes(screen) ? screen : "home";
    put(this.links, ...SCREENS.map((one) => h("a", { href: one === "review" ? `#/review/${deck.lane}` : `#/${one}`, "aria-current": one === name ? "page" : undefined }, t(`nav.${one}`))));
    reveal(this.links);
    events.dispatchEvent(new Event("screen"));
    const element = `${name}-screen`;
    if (name === "review") this.review(detail);
    else if (this.main.firstElementChild?.localName !== element) put(this.main, document.createElement(element));
    document.title = `${t(`nav.${name}`)} · KeepOne`;
    document.body.dataset["screen"] = name;
  }

  /** A page that begins with the review asks for its groups before anything else is there. */
  openEarly() {
    const [screen = "", lane = ""] = location.hash.replace(/^#\//, "").split("/");
    if (screen !== "review") return;
    this.early = laneOf(lane);
    deck.open(this.early, {}, deck.sort);
  }

  /** @param {string} lane */
  review(lane) {
    const known = laneOf(lane);
    const there = this.main.firstElementChild?.localName === "review-screen";
    if (there && deck.lane === known) return;
    if (this.early !== known) deck.open(known, {}, deck.sort);
    this.early = "";
    put(this.main, document.createElement("review-screen"));
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

/** @param {string} name */
function laneOf(name) {
  return /** @type {readonly string[]} */ (LANES).includes(name) ? name : "identical";
}

export function applyTheme() {
  document.documentElement.dataset["theme"] = localStorage.getItem("theme") ?? "auto";
}

customElements.define("keepone-app", App);
