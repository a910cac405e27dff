// @ts-check
/** What the groups learned from you, and making them again by it. */
import { events, get, post, sentence } from "./api.js";
import { h, icon, put } from "./dom.js";
import { say, spoken, t, term } from "./words.js";

class LearnScreen extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    this.facts = h("div");
    this.answer = h("div.answer", { role: "status" });
    const preview = h("button", { "data-do": "previewLearning", type: "button", onclick: () => this.preview() }, t("learn.preview"));
    const run = h("button.primary", { "data-do": "regroup", type: "button", onclick: () => this.run() }, t("learn.run"));
    put(this, h("h1", {}, t("nav.learn")), h("p", {}, t("learn.about")), this.facts, h("p.buttons", {}, preview, run), this.answer);
    events.addEventListener("job", (event) => {
      if (/** @type {CustomEvent} */ (event).detail.state !== "running") this.load();
    }, { signal: this.stop.signal });
    this.load();
  }

  disconnectedCallback() {
    this.stop?.abort();
  }

  async load() {
    const known = await get("/learn");
    const verdicts = ["not_similar", "same", "alternate"];
    put(
      this.facts,
      h("ul", {}, ...verdicts.map((verdict) => h("li", {}, t(`learn.${verdict}`, { n: known.answers[verdict] ?? 0 })))),
      known.contradictions ? h("p.warning", {}, icon("warn"), t("learn.contradictions", { n: known.contradictions })) : "",
      h("h2", {}, t("learn.trust")),
      h("p", {}, t("learn.trustAbout")),
      h("ul", {}, ...known.rungs.map((/** @type {any} */ rung) => h("li", {}, h("b", {}, term("kind", rung.kind)), ` ${term("level", rung.level)} · ${t("learn.approved", { n: rung.approvals, denied: rung.denials })}`, rung.waits_for ? h("small", {}, ` · ${t("learn.waits", { what: say(rung, "waits_for") })}`) : ""))),
    );
  }

  async preview() {
    put(this.answer, t("state.loading"));
    try {
      const found = await post("/feedback/preview");
      const rows = found.groups.map((/** @type {any} */ one) => h("li", {}, h("span", {}, h("span.chip", {}, t(`learn.is.${one.kind}`)), " ", h("b", {}, one.name)), spoken("small", one, "why")));
      put(this.answer, h("h2", {}, t("learn.would", found)), h("ul", {}, ...rows));
    } catch (error) {
      put(this.answer, h("p.warning", { role: "alert" }, sentence(error)));
    }
  }

  run() {
    put(this.answer);
    return post("/feedback/reanalyse").catch((error) => put(this.answer, h("p.warning", { role: "alert" }, sentence(error))));
  }
}

customElements.define("learn-screen", LearnScreen);
