// @ts-check
/** What is being done now: a thin bar on every screen, with how far it is and a way to stop it. */
import { events, get, post } from "./api.js";
import { h, put } from "./dom.js";
import { bytes, count, duration, say, spoken, t, term } from "./words.js";

class WorkBar extends HTMLElement {
  /** @type {Set<string>} jobs whose end was told */
  over = new Set();

  connectedCallback() {
    this.stop = new AbortController();
    const signal = { signal: this.stop.signal };
    events.addEventListener("job", (event) => this.draw(/** @type {CustomEvent} */ (event).detail), signal);
    events.addEventListener("screen", () => this.done && put(this), signal);
    events.addEventListener("online", (event) => this.connection(/** @type {CustomEvent} */ (event).detail), signal);
    get("/jobs").then((jobs) => jobs[0]?.state === "running" && this.draw(jobs[0]), () => undefined);
  }

  disconnectedCallback() {
    this.stop?.abort();
  }

  /** @param {boolean} online */
  connection(online) {
    this.classList.toggle("offline", !online);
    if (!online && !this.job) put(this, h("p", { role: "status" }, t("state.offline")));
    if (online && !this.job && this.away) put(this);
    this.away = !online;
    if (online && this.job) get(`/jobs/${this.job.id}`).then((job) => this.draw(job), () => undefined); // it may have ended unheard
  }

  /** @param {any} job */
  draw(job) {
    if (job.state === "running" && this.over.has(job.id)) return;
    if (job.state !== "running" && job.id) this.over.add(job.id);
    this.job = job.state === "running" ? job : null;
    if (job.state === "running") put(this, running(job));
    else put(this, ended(job, () => put(this)));
    this.done = job.state === "done";
  }
}

/** @param {any} job */
function running(job) {
  const { status } = job;
  const share = status.percent_done;
  const bar = h("progress", { max: 1, "aria-label": t(`job.${job.kind}`) });
  if (typeof share === "number") bar.value = share;
  const words = [
    term("stage", status.stage ?? ""),
    status.total_files ? t("job.of", { done: status.files_done, total: status.total_files }) : status.files_done ? count(status.files_done) : "",
    status.rate >= 1 ? t("job.rate", { rate: Math.round(status.rate) }) : "",
    typeof status.seconds_remaining === "number" ? t("job.left", { time: duration(status.seconds_remaining) }) : "",
    status.error_count ? t("job.errors", { n: status.error_count }) : "",
  ].filter(Boolean);
  return h(
    "div.work",
    {},
    h("b", {}, t(`job.${job.kind}`)),
    bar,
    h("span.figures", {}, words.join(" · ")),
    h("span.current", { title: status.current_files?.[0] ?? "" }, status.current_files?.[0] ?? ""),
    h("span.safe", {}, t(job.kind === "scan" ? "job.safe" : "job.journaled")),
    h("button", { "data-do": "stopJob", type: "button", disabled: job.stopping, onclick: () => post(`/jobs/${job.id}/stop`) }, t(job.stopping ? "job.stopping" : "job.stop")),
  );
}

/** @param {any} job @param {() => void} close */
function ended(job, close) {
  const { result } = job;
  const words = {
    scan: () => t("job.scanned", { groups: result.groups ?? 0, n: result.read ?? 0 }),
    apply: () => t("job.applied", { n: result.done ?? 0, size: bytes(result.freed ?? 0), skipped: result.skipped ?? 0, failed: result.failed ?? 0 }),
    job: () => say(result, "text"),
    reanalyse: () => t("job.reanalysed", { n: result.groups ?? 0, changed: result.changed ?? 0 }),
    undo: () => t("job.undone", { n: result.restored ?? 0, failed: result.failed ?? 0 }),
  };
  const kind = /** @type {keyof typeof words} */ (job.kind);
  const text = job.state === "failed" ? say(job, "error") : job.state === "stopped" ? t("job.stopped") : words[kind]();
  const notes = [...(result.halted ?? []), ...(result.messages ?? [])];
  return h(
    `div.work.${job.state}`,
    { role: job.state === "failed" ? "alert" : "status" },
    h("span", {}, text),
    notes.length ? h("details", {}, h("summary", {}, t("job.notes", { n: notes.length })), h("ul", {}, ...notes.map((note) => h("li", {}, spoken("span", note, "text"))))) : "",
    h("button", { "data-do": "dismiss", type: "button", onclick: close }, t("do.dismiss")),
  );
}

customElements.define("work-bar", WorkBar);
