// @ts-check
/** The control panel of the first screen: the model that finds similar pictures, and the jobs of the configuration. */
import { h, icon } from "./dom.js";
import { begin } from "./home.js";
import { moment, percent, spoken, t, term } from "./words.js";

/** @param {any} model */
export function similarPanel(model) {
  const rows = model.counts.map((/** @type {any} */ one) => h("tr", {}, h("td", {}, percent(one.threshold)), h("td", {}, t("similar.pairs", { n: one.pairs, photos: one.photos })), h("td", {}, one.complete ? "" : t("similar.atLeast"))));
  return [
    h("h2", { id: "similar-title" }, t("similar.title")),
    h("p", {}, h("b", {}, model.model), ` · ${t("similar.seen", { n: model.seen })}`, model.able || model.off ? spoken("small", model, "told") : ""),
    model.able ? starter(model) : h("p", {}, t(model.off ? "similar.off" : "similar.missing"), " ", model.off ? "" : h("code", {}, "keepone models pull")),
    rows.length ? h("details", {}, h("summary", {}, t("similar.counts")), h("table", {}, h("tbody", {}, ...rows))) : "",
    model.able ? h("p.hint", {}, t("similar.keep")) : "",
  ];
}

/** A threshold, and the button that looks with it. @param {any} model */
function starter(model) {
  const told = h("output", { for: "cosine" });
  const input = h("input", { id: "cosine", type: "range", min: "0.7", max: "0.99", step: "0.01", value: String(model.threshold || 0.9), "aria-label": t("similar.threshold") });
  const own = h("input", { type: "checkbox", checked: !model.threshold });
  const show = () => {
    input.disabled = own.checked;
    told.textContent = own.checked ? "" : percent(Number(input.value));
  };
  input.addEventListener("input", show);
  own.addEventListener("change", show);
  show();
  const start = () => begin("/similar/scan", { threshold: own.checked ? 0 : Number(input.value) });
  return h("p.buttons", {}, h("label.check", {}, own, t("similar.own")), input, told, h("button", { "data-do": "lookSimilar", type: "button", onclick: start }, t("similar.start")));
}

/** @param {any} job */
export function jobRow(job) {
  const state = job.at ? `${moment(job.at)}: ${term("jobState", job.state)}` : t("home.jobNever");
  const run = h("button", { "data-do": "runJob", type: "button", "aria-label": t("home.runJob", { name: job.name }), onclick: () => begin(`/service/${encodeURIComponent(job.name)}/run`) }, t("do.run"));
  const note = job.note ? [" · ", spoken("span", job, "note")] : [];
  return h("li", {}, h("span", {}, h("b", {}, job.name), ` ${[term("action", job.action), job.schedule].filter(Boolean).join(" · ")}`, h(`small${job.trouble ? ".warning" : ""}`, {}, job.trouble ? icon("warn") : "", state, ...note)), run);
}
