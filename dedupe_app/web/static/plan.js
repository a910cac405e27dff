// @ts-check
/** What would go, why, and where to; and the one button of the page that puts photos away. */
import { events, get, picture, planFile, post } from "./api.js";
import { deck } from "./deck.js";
import { ask, h, icon, put } from "./dom.js";
import { bytes, count, t, term } from "./words.js";

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
    this.draw(newest && ["planned", "applying"].includes(newest.state) ? newest : null);
  }

  async make(action = "delete") {
    try {
      this.draw(await post("/plans", { action }));
    } catch (error) {
      put(this.steps, h("p.warning", { role: "alert" }, icon("warn"), error instanceof Error ? error.message : ""));
    }
  }

  /** @param {any} plan */
  draw(plan) {
    const { planned_photos: decided, planned_bytes: size } = deck.summary;
    const action = h("select", { "aria-label": t("plan.action") }, ...["delete", "move"].map((one) => h("option", { value: one }, t(`plan.${one}`))));
    const make = h("div.make", {}, action, h("button", { type: "button", disabled: !decided, onclick: () => this.make(action.value) }, t(plan ? "plan.again" : "plan.make")));
    const intro = decided ? t("plan.decided", { n: decided, size: bytes(size) }) : t("plan.nothing");
    put(this.head, h("h1", {}, t("nav.plan")), h("p", {}, intro), make, plan ? this.told(plan) : "");
    put(this.steps);
    if (plan?.photos) this.list(plan);
  }

  /** @param {any} plan */
  told(plan) {
    const skipped = Object.entries(plan.skipped);
    const done = plan.outcomes.done ?? 0;
    const apply = h("button.primary.danger.big", { type: "button", onclick: () => this.apply(plan) }, t(plan.state === "applying" ? "plan.continue" : "plan.apply", { n: plan.photos - done }));
    return h(
      "div.plan",
      {},
      h("p.total", {}, plan.photos ? t("plan.total", { n: plan.photos, size: bytes(plan.bytes) }) : t("plan.empty")),
      h("ul.parts", {}, ...plan.parts.map(part)),
      plan.photos ? h("p.reasons", {}, t("plan.why"), " ", Object.entries(plan.reasons).map(([reason, n]) => `${reason} ${count(Number(n))}`).join(" · ")) : "",
      skipped.length ? h("ul.skipped", {}, ...skipped.map(([reason, n]) => h("li", {}, icon("warn"), t("plan.skipped", { n: Number(n), reason })))) : "",
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
      put(this.steps, h("p.warning", { role: "alert" }, icon("warn"), error instanceof Error ? error.message : ""));
    }
  }

  /** @param {any} plan */
  list(plan) {
    const search = h("input", { type: "search", placeholder: t("plan.search"), "aria-label": t("plan.search") });
    const rows = h("tbody");
    const more = h("button", { type: "button", onclick: () => fill(false) }, t("do.more"));
    const total = h("span.count", { role: "status" });
    /** @type {number | null} */
    let next = 0;
    const fill = async (/** @type {boolean} */ fresh) => {
      if (fresh) next = 0;
      const page = await get(`/plans/${plan.id}/items`, { cursor: next ?? 0, limit: 50, q: search.value.trim() });
      if (fresh) put(rows);
      rows.append(...page.items.map(stepRow));
      next = page.next;
      more.hidden = next === null;
      total.textContent = t("plan.rows", { n: page.total });
    };
    let waiting = 0;
    search.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => fill(true), PAUSE);
    });
    const head = ["plan.goes", "plan.stays", "plan.reason"].map((key) => h("th", { scope: "col" }, t(key)));
    put(this.steps, h("h2", { id: "steps-title" }, t("plan.photos")), search, total, h("div.scroll", { tabIndex: 0, role: "region", "aria-labelledby": "steps-title" }, h("table", {}, h("thead", {}, h("tr", {}, ...head)), rows)), more);
    fill(true);
  }
}

/** @param {any} one */
function part(one) {
  const words = { n: one.photos, size: bytes(one.bytes), source: one.source, folder: one.target };
  return h("li", {}, icon("trash"), t(one.action === "move" ? "plan.toFolder" : "plan.toTrash", words), " ", h("small", {}, t(one.restore ? "plan.restores" : "plan.noRestore")));
}

/** @param {any} step */
function stepRow(step) {
  const state = step.state ? h(`span.state.${step.state}`, {}, term("state", step.state), step.note ? `: ${step.note}` : "") : "";
  return h(
    "tr",
    {},
    h("td.goes", {}, thumb(step.photo), h("span", {}, h("b", {}, step.name), h("small", {}, `${step.source}: ${step.folder || "/"} · ${bytes(step.size)}`), state)),
    h("td.stays", {}, thumb(step.keeper), h("span", {}, h("b", {}, step.keeper_name), h("small", {}, step.keeper_folder || "/"))),
    h("td.why", {}, h("span.chip", {}, t(`relation.${step.relation}.short`)), ` ${step.reason}`),
  );
}

/** @param {string | null} photo */
function thumb(photo) {
  return photo ? h("img", { src: picture(photo, 320), alt: "", width: 56, height: 56, loading: "lazy" }) : "";
}

customElements.define("plan-screen", PlanScreen);
