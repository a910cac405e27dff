// @ts-check
/** Language, theme and keys; the legend, made from the table of keys; the doctor. */
import { begin, get } from "./api.js";
import { applyTheme } from "./app.js";
import { h, put } from "./dom.js";
import { checkRow } from "./home.js";
import { GO, KEYS, keyName, singleKeysOn } from "./keys.js";
import { preferred, speak, t } from "./words.js";

class SettingsScreen extends HTMLElement {
  async connectedCallback() {
    put(this, h("h1", {}, t("nav.settings")));
    const about = await begin();
    const doctor = h("section", { "aria-labelledby": "doctor-title" }, h("h2", { id: "doctor-title" }, t("settings.doctor")), t("state.loading"));
    put(
      this,
      h("h1", {}, t("nav.settings")),
      h("section.choices", { "aria-label": t("settings.choices") }, this.language(about.languages), this.theme(), this.keys()),
      legend(),
      doctor,
      h("section", { "aria-labelledby": "about-title" }, h("h2", { id: "about-title" }, t("settings.about")), h("p", {}, `KeepOne ${about.version}`), h("p", {}, t("settings.data"), " ", h("code", {}, about.data))),
    );
    const checks = await get("/doctor").catch(() => []);
    put(doctor, h("h2", { id: "doctor-title" }, t("settings.doctor")), ...checks.map(checkRow));
  }

  /** @param {string[]} known */
  language(known) {
    const chosen = preferred(known);
    const field = h("select", {}, ...known.map((one) => h("option", { value: one, selected: one === chosen }, new Intl.DisplayNames([one], { type: "language" }).of(one) ?? one)));
    field.addEventListener("change", async () => {
      localStorage.setItem("language", field.value);
      await speak(field.value);
      window.dispatchEvent(new Event("keepone-language"));
    });
    return h("label", {}, t("settings.language"), field);
  }

  theme() {
    const chosen = localStorage.getItem("theme") ?? "auto";
    const field = h("select", {}, ...["auto", "light", "dark"].map((one) => h("option", { value: one, selected: one === chosen }, t(`theme.${one}`))));
    field.addEventListener("change", () => {
      localStorage.setItem("theme", field.value);
      applyTheme();
    });
    return h("label", {}, t("settings.theme"), field);
  }

  keys() {
    const field = h("input", { type: "checkbox", checked: singleKeysOn() });
    field.addEventListener("change", () => localStorage.setItem("single-keys", field.checked ? "on" : "off"));
    return h("label.check", {}, field, t("settings.singleKeys"));
  }
}

function legend() {
  const screens = /** @type {const} */ (["review", "compare"]);
  const tables = screens.map((screen) => {
    const rows = KEYS.filter((key) => key.screen === screen || key.screen === "both" || (key.screen === "any" && screen === "review"));
    const body = rows.map((key) => {
      const names = key.keys.length > 3 ? [key.keys[0] ?? "", "…", key.keys.at(-1) ?? ""] : key.keys;
      const shown = names.map((name) => (name === "…" ? " … " : h("kbd", {}, `${key.ctrl ? `${t("keyboard.ctrl")} ` : ""}${key.shift ? "⇧ " : ""}${keyName(name)}`)));
      return h("tr", {}, h("td", {}, ...shown), h("td", {}, t(`key.${key.action}`)));
    });
    const go = screen === "review" ? Object.entries(GO).map(([key, place]) => h("tr", {}, h("td", {}, h("kbd", {}, "g"), h("kbd", {}, key)), h("td", {}, t(`go.${place}`)))) : [];
    return h("table.legend", {}, h("caption", {}, t(`legend.${screen}`)), h("tbody", {}, ...body, ...go));
  });
  return h("section", { "aria-labelledby": "legend-title" }, h("h2", { id: "legend-title" }, t("settings.keys")), h("div.legends", {}, ...tables));
}

customElements.define("settings-screen", SettingsScreen);
