// @ts-check
/** The first screen: what can be freed, lane by lane, and the places of photos. */
import { events, get, post, sentence } from "./api.js";
import { jobRow, similarPanel } from "./control.js";
import { deck } from "./deck.js";
import { h, icon, put } from "./dom.js";
import { hint } from "./keys.js";
import { bytes, count, moment, spoken, t, term } from "./words.js";

const LANES = /** @type {const} */ (["identical", "same", "similar", "sets"]);

class HomeScreen extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    const signal = { signal: this.stop.signal };
    this.head = h("section.head");
    this.lanes = h("div.lanes-cards");
    this.places = h("div.sources");
    this.similar = h("section.control", { "aria-labelledby": "similar-title", hidden: true });
    this.jobs = h("section.control", { "aria-labelledby": "jobs-title", hidden: true });
    this.warnings = h("div.checks");
    put(this, this.head, this.lanes, this.places, this.similar, this.jobs, this.warnings);
    deck.addEventListener("summary", () => this.drawHead(), signal);
    events.addEventListener("job", (event) => {
      if (/** @type {CustomEvent} */ (event).detail.state !== "running") this.load();
    }, signal);
    this.drawHead();
    this.load();
  }

  disconnectedCallback() {
    this.stop?.abort();
  }

  async load() {
    try {
      const [sources, unread] = await Promise.all([get("/sources"), get("/unreadable")]);
      this.drawSources(sources, unread);
    } catch (error) {
      put(this.places, h("p", { role: "alert" }, sentence(error)), h("button", { "data-do": "retryHome", onclick: () => this.load() }, t("state.retry")));
    }
    const [model, jobs] = await Promise.all([get("/similar").catch(() => null), get("/service").catch(() => [])]);
    this.similar.hidden = !model || !deck.summary.run;
    this.jobs.hidden = !jobs.length;
    put(this.similar, ...(model && deck.summary.run ? similarPanel(model) : []));
    put(this.jobs, ...(jobs.length ? [h("h2", { id: "jobs-title" }, t("home.jobs")), h("ul.jobs", {}, ...jobs.map(jobRow))] : []));
    const checks = await get("/doctor").catch(() => []);
    const wrong = checks.filter((/** @type {any} */ check) => check.level !== "ok" && check.name !== "lock"); // at work is told by the bar above
    put(this.warnings, wrong.length ? h("h2", {}, t("home.checks")) : "", ...wrong.map(checkRow));
  }

  drawHead() {
    const { lanes, run } = deck.summary;
    const free = LANES.reduce((sum, lane) => sum + lanes[lane].bytes, 0);
    const { identical } = lanes;
    const start = identical.groups ? "identical" : LANES.find((lane) => lanes[lane].groups);
    const title = run ? (free ? t("home.free", { size: bytes(free) }) : t(start ? "home.look" : "home.allDone")) : t("home.welcome");
    const text = identical.groups ? t("home.start", { n: identical.groups }) : t("home.continue");
    put(
      this.head,
      h("h1", {}, title),
      run ? "" : h("p", {}, t("home.empty")),
      start ? h("p", {}, h("a.button.primary.big", { href: `#/review/${start}` }, text)) : "",
      run ? steps() : h("pre", {}, "keepone scan ~/Pictures\nkeepone demo"),
    );
    put(this.lanes, run ? h("h2", {}, t("nav.lanes")) : "", ...(run ? LANES.map((lane) => laneCard(lane, lanes[lane])) : []));
  }

  /** @param {any[]} sources @param {any[]} unread */
  drawSources(sources, unread) {
    put(
      this.places,
      h("h2", {}, t("home.sources")),
      ...sources.map(sourceCard),
      sources.length > 1 ? h("button", { "data-do": "scanAll", type: "button", onclick: () => begin("/sources/scan") }, t("do.scanAll")) : "",
      unread.length
        ? h("details", {}, h("summary", {}, icon("warn"), t("home.unreadable", { n: unread.length })), h("ul", {}, ...unread.map((one) => h("li", {}, h("b", {}, one.path), " ", spoken("span", one, "reason")))))
        : "",
    );
  }
}

/** @param {string} path @param {any} [body] */
export function begin(path, body) {
  const told = (/** @type {any} */ job) => events.dispatchEvent(new CustomEvent("job", { detail: job }));
  post(path, body).then(told, (error) => events.dispatchEvent(new CustomEvent("job", { detail: { kind: "scan", state: "failed", error: sentence(error), result: {} } })));
}

function steps() {
  const shown = [["accept", "home.step.accept"], ["compare", "home.step.compare"], ["undo", "home.step.undo"]];
  return h("ol.steps", {}, ...shown.map(([action = "", text = ""]) => h("li", {}, h("kbd", {}, hint(action)), t(text))), h("li", {}, h("a", { href: "#/plan" }, t("home.step.apply"))));
}

/** @param {string} lane @param {any} figures */
function laneCard(lane, figures) {
  const done = figures.decided ? t("home.decided", { n: figures.decided }) : "";
  return h(
    "a.lane",
    { href: `#/review/${lane}` },
    h("b", {}, t(`lane.${lane}`)),
    h("span.big", {}, figures.bytes ? bytes(figures.bytes) : count(figures.groups)),
    h("span", {}, t("home.groups", { n: figures.groups })),
    h("small", {}, [t(`lane.${lane}.about`), done].filter(Boolean).join(" · ")),
  );
}

/** @param {any} source */
function sourceCard(source) {
  const well = source.state === "ok" || source.state === "new";
  const state = source.problem ? spoken("span", source, "problem") : well ? "" : source.note ? spoken("span", source, "note") : term("sourceState", source.state);
  return h(
    "article.source",
    { "aria-label": source.name },
    h("h3", {}, source.name, h("small", {}, source.kind)),
    h("p", {}, t("home.photos", { n: source.photos, size: bytes(source.bytes) })),
    h("p", {}, source.scanned_at ? t("home.scanned", { when: moment(source.scanned_at) }) : t("home.notScanned")),
    state ? h("p.warning", {}, icon("warn"), state) : "",
    h("button", { "data-do": "scan", type: "button", disabled: Boolean(source.problem), onclick: () => begin(`/sources/${source.id}/scan`) }, t("do.scan")),
  );
}

/** "source Photos" has a word of ours and a name of the person's, and what of it is meant may follow. @param {string} name */
function checkName(name) {
  const end = name.indexOf(": ");
  const [whole, what] = end < 0 ? [name, ""] : [name.slice(0, end), name.slice(end + 2)];
  const [first = "", ...rest] = whole.split(" ");
  const named = term("check", whole) === whole && rest.length ? `${term("check", first)} ${rest.join(" ")}` : term("check", whole);
  return what ? `${named}: ${term("check", what)}` : named;
}

/** @param {any} check */
export function checkRow(check) {
  return h(`p.check.${check.level}`, {}, icon(check.level === "ok" ? "keep" : "warn"), h("b", {}, checkName(check.name)), " ", spoken("span", check, "text"), " ", check.said?.fix ? spoken("span.fix", check, "fix") : check.fix ? h("code.fix", {}, check.fix) : "");
}

customElements.define("home-screen", HomeScreen);
