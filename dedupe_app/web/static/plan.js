// @ts-check
/** What would go, why, and where to; and the one button of the page that puts photos away. */
import { events, get, planFile, post, sentence } from "./api.js";
import { deck } from "./deck.js";
import { ask, h, icon, put } from "./dom.js";
import { small } from "./list.js";
import { bytes, count, say, spoken, t, term } from "./words.js";

const PAUSE = 250;

class PlanScreen extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    const signal = { signal: this.stop.signal };
    this.head = h("section.head");
    this.steps = h("div.steps-list");
    put(this, this.head, this.steps);
    events.addEventListener("job", (event) => {
      if (/** @type {CustomEvent} */ (event).detail.state !== "running") this.load();
    }, signal);
    this.load();
  }

  disconnectedCallback() {
    this.stop?.abort();
  }

  async load() {
    const [plans] = await Promise.all([get("/plans", { limit: 1 }), deck.refreshSummary()]);
    const [newest] = plans;
    const waits = newest && ["planned", "applying"].includes(newest.state);
    this.draw(waits ? newest : null, waits ? null : newest);
  }

  async make(action = "delete") {
    put(this.steps, h("p", { role: "status" }, t("state.loading")));
    try {
      this.draw(await post("/plans", { action }));
    } catch (error) {
      this.refused(error);
    }
  }

  /** @param {unknown} error */
  refused(error) {
    put(this.steps, h("p.warning", { role: "alert" }, icon("warn"), sentence(error)));
  }

  /** The plan that waits, or what became of the last one. @param {any} plan @param {any} [last] */
  draw(plan, last) {
    const { planned_photos: decided, planned_bytes: size } = deck.summary;
    const action = h("select", { "aria-label": t("plan.action") }, ...["delete", "move"].map((one) => h("option", { value: one }, t(`plan.${one}`))));
    const make = h("div.make", {}, action, h(`button${plan ? "" : ".primary"}`, { "data-do": "makePlan", type: "button", disabled: !decided, onclick: () => this.make(action.value) }, t(plan ? "plan.again" : "plan.make")));
    const intro = decided ? t("plan.decided", { n: decided, size: bytes(size) }) : t("plan.nothing");
    const finish = last && !decided ? ended(last) : "";
    put(this.head, h("h1", {}, t("nav.plan")), h("p", {}, intro), decided || plan ? make : h("p", {}, h("a.button", { href: `#/review/${deck.lane}` }, t("nav.review"))), finish, plan ? this.told(plan) : "");
    put(this.steps);
    if (plan?.photos) this.list(plan);
    else if (finish && left(last)) this.list(last);
  }

  /** @param {any} plan */
  told(plan) {
    const { skipped } = plan;
    const done = plan.outcomes.done ?? 0;
    const apply = h("button.primary.danger.big", { "data-do": "applyPlan", type: "button", onclick: () => this.apply(plan) }, t(plan.state === "applying" ? "plan.continue" : "plan.apply", { n: plan.photos - done }));
    return h(
      "div.plan",
      {},
      h("p.total", {}, plan.photos ? t("plan.total", { n: plan.photos, size: bytes(plan.bytes) }) : t("plan.empty")),
      h("ul.parts", {}, ...plan.parts.map(part)),
      plan.photos ? h("p.reasons", {}, t("plan.why"), " ", plan.reasons.map((/** @type {any} */ one) => `${say(one, "reason")} ${count(one.photos)}`).join(" · ")) : "",
      skipped.length ? h("ul.skipped", {}, ...skipped.map((/** @type {any} */ one) => h("li", {}, icon("warn"), t("plan.skipped", { n: one.photos, reason: say(one, "reason") })))) : "",
      plan.photos ? h("p.buttons", {}, apply, h("a.button", { href: planFile(plan.id), download: "" }, t("plan.export"))) : "",
      h("p.hint", {}, t("plan.hint")),
    );
  }

  /** @param {any} plan */
  async apply(plan) {
    const count = plan.photos;
    const typed = plan.type_number ? String(count) : undefined;
    const body = [
      h("p", {}, t("plan.sure", { n: count, size: bytes(plan.bytes) })),
      h("ul.parts", {}, ...plan.parts.map(part)),
      typed ? h("p", {}, t("plan.type", { number: typed })) : "",
    ];
    const yes = await ask({ title: t("plan.question", { n: count }), body, yes: t("plan.yes", { n: count }), no: t("do.cancel"), ...(typed ? { typed } : {}), danger: true });
    if (yes === null) return;
    try {
      await post(`/plans/${plan.id}/apply`, { confirm_count: count });
    } catch (error) {
      this.refused(error);
    }
  }

  /** Let one photo stay: the decision about its group is changed, and the plan made again. @param {any} plan @param {any} step */
  async spare(plan, step) {
    try {
      const made = await post(`/plans/${plan.id}/spare`, { number: step.number });
      await deck.refreshSummary();
      this.draw(made.photos ? made : null);
    } catch (error) {
      this.refused(error);
    }
  }

  /** @param {any} plan */
  list(plan) {
    const search = h("input", { type: "search", placeholder: t("plan.search"), "aria-label": t("plan.search") });
    const rows = h("tbody");
    const more = h("button", { "data-do": "moreSteps", type: "button", onclick: () => fill(false) }, t("do.more"));
    const total = h("span.count", { role: "status" });
    /** @type {number | null} */
    let next = 0;
    const fill = async (/** @type {boolean} */ fresh) => {
      if (fresh) next = 0;
      const page = await get(`/plans/${plan.id}/items`, { cursor: next ?? 0, limit: 50, q: search.value.trim() });
      if (fresh) put(rows);
      rows.append(...page.items.map((/** @type {any} */ step) => stepRow(step, plan.state === "planned" ? () => this.spare(plan, step) : null)));
      next = page.next;
      more.hidden = next === null;
      total.textContent = t("plan.rows", { n: page.total });
    };
    let waiting = 0;
    search.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => fill(true), PAUSE);
    });
    const heads = ["plan.goes", "plan.stays", "plan.reason"].map((key) => h("th", { scope: "col" }, t(key)));
    const head = plan.state === "planned" ? [...heads, h("th", { scope: "col" }, h("span.sr", {}, t("plan.spare")))] : heads;
    put(this.steps, h("h2", { id: "steps-title" }, t("plan.photos")), search, total, h("div.scroll", { tabIndex: 0, role: "region", "aria-labelledby": "steps-title" }, h("table", {}, h("thead", {}, h("tr", {}, ...head)), rows)), more);
    fill(true);
  }
}

/** @param {any} one */
function part(one) {
  const words = { n: one.photos, size: bytes(one.bytes), source: one.source, folder: one.target };
  return h("li", {}, icon("trash"), t(one.action === "move" ? "plan.toFolder" : "plan.toTrash", words), " ", h("small", {}, t(one.restore ? "plan.restores" : "plan.noRestore")));
}

/** What the last plan did, and the ways on. @param {any} plan */
function ended(plan) {
  const { done = 0, undone = 0 } = plan.outcomes;
  const words = plan.state === "undone" ? t("plan.wasUndone", { n: undone }) : t("plan.wasDone", { n: done });
  const rest = left(plan);
  return h(
    "div.plan.ended",
    {},
    h("p.total", {}, icon("keep"), words),
    rest ? h("p.skipped", {}, icon("warn"), t("plan.stayed", { n: rest })) : "",
    h("p.buttons", {}, h("a.button", { href: "#/history" }, t("nav.history")), h("a.button", { href: "#/home" }, t("nav.home"))),
  );
}

/** How many photos of a plan did not go, or did not come back. @param {any} plan */
function left(plan) {
  const { failed = 0, refused = 0, undo_failed: lost = 0 } = plan.outcomes;
  return failed + refused + lost;
}

/** @param {any} step @param {(() => void) | null} spare */
function stepRow(step, spare) {
  const state = step.state ? h(`span.state.${step.state}`, {}, term("state", step.state), step.note ? ": " : "", spoken("span", step, "note")) : "";
  return h(
    "tr",
    {},
    h("td.goes", {}, thumb(step.photo), h("span", {}, h("b", {}, step.name), h("small", {}, `${step.source}: ${step.folder || "/"} · ${bytes(step.size)}`), state)),
    h("td.stays", {}, thumb(step.keeper), h("span", {}, h("b", {}, step.keeper_name), h("small", {}, step.keeper_folder || "/"))),
    h("td.why", {}, h("span.chip", {}, t(`relation.${step.relation}.short`)), ` ${say(step, "reason")}`),
    spare ? h("td", {}, h("button", { "data-do": "spare", type: "button", onclick: spare, "aria-label": t("plan.spareThis", { name: step.name }) }, t("plan.spare"))) : "",
  );
}

/** @param {string | null} photo */
function thumb(photo) {
  return photo ? small(photo, 56) : "";
}

customElements.define("plan-screen", PlanScreen);
