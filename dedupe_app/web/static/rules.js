// @ts-check
/** Who stays: the rules in their order, what another order would change, and saving it after that was looked at. */
import { get, post, sentence } from "./api.js";
import { h, put } from "./dom.js";
import { say, t } from "./words.js";

class RulesScreen extends HTMLElement {
  async connectedCallback() {
    this.list = h("ol.rules");
    this.rest = h("ul.rules.rest");
    this.folders = h("input", { placeholder: t("rules.foldersHint"), "aria-label": t("rules.folders") });
    this.answer = h("section.answer", { role: "status" });
    const rules = await get("/rules");
    this.used = rules.filter((/** @type {any} */ rule) => rule.order !== null);
    this.others = rules.filter((/** @type {any} */ rule) => rule.order === null);
    put(
      this,
      h("h1", {}, t("nav.rules")),
      h("p", {}, t("rules.about")),
      this.list,
      h("details", {}, h("summary", {}, t("rules.others")), this.rest),
      h("p", {}, h("label", {}, t("rules.folders"), " ", this.folders)),
      h("p", {}, h("button.primary", { "data-do": "previewRules", type: "button", onclick: () => this.preview() }, t("rules.preview"))),
      this.answer,
    );
    this.draw();
  }

  draw() {
    put(this.list, ...this.used.map((/** @type {any} */ rule, /** @type {number} */ at) => this.row(rule, at)));
    put(this.rest, ...this.others.map((/** @type {any} */ rule) => h("li", {}, h("b", {}, t(`said.rule.${rule.name}`)), h("span", {}, tells(rule)), h("button", { "data-do": "addRule", type: "button", "aria-label": t("rules.add", { name: t(`said.rule.${rule.name}`) }), onclick: () => this.add(rule) }, "+"))));
  }

  /** @param {any} rule @param {number} at */
  row(rule, at) {
    const move = (/** @type {number} */ by) => () => {
      const [one] = this.used.splice(at, 1);
      this.used.splice(at + by, 0, one);
      this.draw();
    };
    const drop = () => {
      this.others.push(...this.used.splice(at, 1));
      this.draw();
    };
    return h(
      "li",
      {},
      h("b", {}, t(`said.rule.${rule.name}`)),
      h("span", {}, tells(rule)),
      h("button", { "data-do": "ruleUp", type: "button", disabled: at === 0, "aria-label": t("rules.up", { name: t(`said.rule.${rule.name}`) }), onclick: move(-1) }, "↑"),
      h("button", { "data-do": "ruleDown", type: "button", disabled: at === this.used.length - 1, "aria-label": t("rules.down", { name: t(`said.rule.${rule.name}`) }), onclick: move(1) }, "↓"),
      h("button", { "data-do": "ruleOut", type: "button", disabled: this.used.length < 2, "aria-label": t("rules.remove", { name: t(`said.rule.${rule.name}`) }), onclick: drop }, "−"),
    );
  }

  /** @param {any} rule */
  add(rule) {
    this.others.splice(this.others.indexOf(rule), 1);
    this.used.push(rule);
    this.draw();
  }

  async preview() {
    const rules = this.used.map((/** @type {any} */ rule) => rule.name);
    const folders = this.folders.value.split(",").map((/** @type {string} */ one) => one.trim()).filter(Boolean);
    put(this.answer, t("state.loading"));
    try {
      const answer = await post("/rules/preview", { rules, folders });
      const saved = h("div", { role: "status" });
      const keep = h("button.primary", { "data-do": "saveRules", type: "button", onclick: () => this.save({ rules, folders }, saved) }, t("rules.keep"));
      put(
        this.answer,
        h("h2", {}, t("rules.changes", { n: answer.changes.length, total: answer.looked_at })),
        h("ul", {}, ...answer.changes.map((/** @type {any} */ one) => h("li", {}, h("b", {}, one.keeps), h("small", {}, t("rules.instead", { kept: one.kept })), h("span", {}, say(one, "reason"))))),
        h("p", {}, keep),
        saved,
      );
    } catch (error) {
      put(this.answer, h("p.warning", { role: "alert" }, sentence(error)));
    }
  }

  /** @param {any} order @param {HTMLElement} told */
  async save(order, told) {
    try {
      const answer = await post("/rules", order);
      if (answer.saved) put(told, h("p", {}, t("rules.saved", { file: answer.file })));
      else put(told, h("p", {}, t("rules.save", { file: answer.file || "config.yaml" })), h("pre", {}, answer.lines));
    } catch (error) {
      put(told, h("p.warning", { role: "alert" }, sentence(error)));
    }
  }
}

/** What a rule prefers, and its name in the configuration. @param {any} rule */
function tells(rule) {
  return `${t(`rule.${rule.name}`)} (${rule.name})`;
}

customElements.define("rules-screen", RulesScreen);
