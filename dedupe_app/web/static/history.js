// @ts-check
/** What was done and what was decided, each with the way back. */
import { events, get, post, sentence } from "./api.js";
import { deck } from "./deck.js";
import { ask, h, icon, put } from "./dom.js";
import { bytes, count, moment, t, term } from "./words.js";

class HistoryScreen extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    this.runs = h("section.runs", { "aria-labelledby": "runs-title" });
    this.acts = h("section.acts", { "aria-labelledby": "acts-title" });
    put(this, h("h1", {}, t("nav.history")), this.runs, this.acts);
    events.addEventListener("job", (event) => {
      if (/** @type {CustomEvent} */ (event).detail.state !== "running") this.load();
    }, { signal: this.stop.signal });
    this.load();
  }

  disconnectedCallback() {
    this.stop?.abort();
  }

  async load() {
    const [plans, acts] = await Promise.all([get("/plans"), get("/decisions")]);
    put(this.runs, h("h2", { id: "runs-title" }, t("history.runs")), plans.length ? h("ul", {}, ...plans.map(runRow)) : h("p", {}, t("history.noRuns")));
    this.list = h("ul");
    put(this.acts, h("h2", { id: "acts-title" }, t("history.decisions")), acts.items.length ? this.list : h("p", {}, t("history.noDecisions")));
    this.more(acts);
  }

  /** @param {any} page */
  more(page) {
    this.list?.append(...page.items.map((/** @type {any} */ act) => this.act(act)));
    if (page.next === null) return;
    const button = h("button", { "data-do": "moreActs", type: "button" }, t("do.more"));
    button.addEventListener("click", async () => {
      button.remove();
      this.more(await get("/decisions", { cursor: page.next }));
    });
    this.acts?.append(button);
  }

  /** @param {any} act */
  act(act) {
    const words = act.groups > 1 ? t("toast.many", { n: act.groups, size: bytes(act.bytes) }) : t(`toast.${act.verb}`, { n: act.photos, size: bytes(act.bytes) });
    const undo = h("button", { "data-do": "undoAct", type: "button", "aria-label": t("history.undoThis", { what: words }), onclick: () => this.undo(act.undo_token) }, icon("undo"), t("do.undo"));
    return h(`li${act.revoked ? ".revoked" : ""}`, {}, h("time", {}, moment(act.at)), h("span", {}, act.groups > 1 ? "" : h("b", {}, act.name), act.groups > 1 ? "" : ": ", words), act.revoked ? h("small", {}, t("history.revoked")) : undo);
  }

  /** @param {string} token */
  async undo(token) {
    const answer = await post("/undo", { undo_token: token });
    deck.setSummary(answer.summary);
    for (const act of deck.acts) if (act.token === token) act.undone = true;
    await this.load();
  }
}

/** @param {any} plan */
function runRow(plan) {
  const outcomes = Object.entries(plan.outcomes).map(([state, n]) => `${count(Number(n))} ${term("state", state)}`);
  const undo = h("button", { "data-do": "undoRun", type: "button", onclick: () => undoRun(plan) }, icon("undo"), t("history.undoRun", { n: plan.away }));
  const short = plan.id.slice(0, 12);
  return h(
    "li",
    {},
    h("time", {}, moment(plan.created_at)),
    h("span", {}, t("history.plan", { id: short, n: plan.photos, size: bytes(plan.bytes) }), " ", h("small", {}, [term("planState", plan.state), ...outcomes].join(" · "))),
    plan.away ? undo : "",
  );
}

/** @param {any} plan */
async function undoRun(plan) {
  const away = plan.parts.filter((/** @type {any} */ part) => !part.restore).map((/** @type {any} */ part) => part.source);
  const body = [h("p", {}, t("history.sure", { n: plan.away })), away.length ? h("p.warning", {}, icon("warn"), t("history.cannot", { sources: away.join(", ") })) : ""];
  const yes = await ask({ title: t("history.undoRun", { n: plan.away }), body, yes: t("history.bringBack"), no: t("do.cancel") });
  if (yes === null) return;
  await post(`/runs/${plan.id}/undo`).catch((error) => events.dispatchEvent(new CustomEvent("job", { detail: { kind: "undo", state: "failed", error: sentence(error), result: {} } })));
}

customElements.define("history-screen", HistoryScreen);
