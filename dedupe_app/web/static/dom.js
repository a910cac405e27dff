// @ts-check
/** Building elements: every text goes through textContent, so no name or caption can ever be markup. */

/**
 * @param {string} tag an element's name, with classes after dots: "div.card.big"
 * @param {Record<string, any>} [props] properties; `on…` listeners, `aria-…`, `data-…` and `role` as attributes
 * @param {...(Node | string | number | null | undefined | false)} children
 * @returns {any}
 */
export function h(tag, props = {}, ...children) {
  const [name = "div", ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (/^(aria-|data-|role$|for$|list$)/.test(key)) element.setAttribute(key, String(value));
    else /** @type {any} */ (element)[key] = value;
  }
  put(element, ...children);
  return element;
}

/**
 * Replace what is in an element.
 * @param {Element} element
 * @param {...(Node | string | number | null | undefined | false)} children
 */
export function put(element, ...children) {
  element.replaceChildren(...kept(children));
}

/** @param {any[]} children */
function kept(children) {
  return children
    .filter((child) => child !== null && child !== undefined && child !== false && child !== "")
    .map((child) => (child instanceof Node ? child : String(child)));
}

/**
 * A drawn sign that says nothing to a screen reader: the text beside it does.
 * @param {string} name
 */
export function icon(name) {
  const place = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(place, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(place, "path");
  path.setAttribute("d", SHAPES[name] ?? "");
  svg.append(path);
  return svg;
}

/** @type {Record<string, string>} */
const SHAPES = {
  keep: "M6.2 12.6 1.8 8.2l1.5-1.5 2.9 2.9 6.5-6.5 1.5 1.5z",
  trash: "M6 1h4l1 1h3v2H2V2h3zM3 5h10l-.8 10H3.8zm3 2v6h1V7zm3 0v6h1V7z",
  undo: "M6 2v3h3a5 5 0 0 1 0 10H4v-2h5a3 3 0 0 0 0-6H6v3L1.5 6z",
  later: "M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1zm-1 2v6l4 2 .9-1.8L9 7.8V3z",
  apart: "M1 3h6v10H1zm8 0h6v10H9zM3 5v6h2V5zm8 0v6h2V5z",
  warn: "M8 1l7.5 14H.5zM7 6v4h2V6zm0 5v2h2v-2z",
  broken: "M1 2h14v12H1zm2 2v6l3-3 2 2 2-3 3 4V4z",
};

/** Scroll a row of links to the one that is here. @param {Element} row */
export function reveal(row) {
  const here = row.querySelector("[aria-current]");
  if (!(here instanceof HTMLElement)) return;
  const end = here.offsetLeft + here.offsetWidth - /** @type {HTMLElement} */ (row).offsetLeft;
  if (end > row.scrollLeft + row.clientWidth || end - here.offsetWidth < row.scrollLeft) row.scrollLeft = end - here.offsetWidth - 12;
}

/**
 * Say something to a screen reader, without moving anything.
 * @param {string} text
 */
export function announce(text) {
  const place = document.getElementById("announcer");
  if (place) place.textContent = text;
}

/**
 * A question in a dialog. Resolves with what was typed ("" without a field), or null when it was closed.
 * @param {{title: string, body: (Node | string)[], yes: string, no: string, typed?: string, danger?: boolean}} asked
 * @returns {Promise<string | null>}
 */
export function ask(asked) {
  return new Promise((resolve) => {
    const field = asked.typed ? h("input", { inputMode: "numeric", autocomplete: "off", "aria-label": asked.typed }) : null;
    const yes = h(`button.primary${asked.danger ? ".danger" : ""}`, { "data-do": "yes", type: "submit", disabled: Boolean(field) }, asked.yes);
    if (field) field.addEventListener("input", () => (yes.disabled = field.value.trim() !== asked.typed));
    const dialog = h(
      "dialog.question",
      { "aria-labelledby": "question-title" },
      h(
        "form",
        {
          method: "dialog",
          onsubmit: (/** @type {Event} */ event) => {
            event.preventDefault();
            if (!field || field.value.trim() === asked.typed) dialog.close(field ? field.value : "yes");
          },
        },
        h("h2", { id: "question-title" }, asked.title),
        h("div.body", {}, ...asked.body),
        field,
        h("div.buttons", {}, h("button", { "data-do": "no", type: "button", onclick: () => dialog.close() }, asked.no), yes),
      ),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue || null);
    });
    document.body.append(dialog);
    dialog.showModal();
    (field ?? yes).focus();
  });
}
