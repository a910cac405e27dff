"use strict";
{
  const form = document.getElementById("filters");
  const groups = [...document.querySelectorAll("article")];
  const texts = new Map();
  const textOf = (group) => {
    if (!texts.has(group)) texts.set(group, group.textContent.toLowerCase());
    return texts.get(group);
  };
  const show = () => {
    const lanes = new Set([...form.querySelectorAll("[name=lane]:checked")].map((box) => box.value));
    const words = form.querySelector("#search").value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const group of groups) {
      group.hidden = !lanes.has(group.dataset.lane) || !words.every((word) => textOf(group).includes(word));
      shown += group.hidden ? 0 : 1;
    }
    form.querySelector("#shown").textContent =
      shown === groups.length ? `${shown} groups` : `${shown} of ${groups.length} groups`;
  };
  if (form) {
    form.hidden = false;
    form.addEventListener("input", show);
    form.addEventListener("submit", (event) => event.preventDefault());
    document.addEventListener("keydown", (event) => {
      if (event.key === "/" && document.activeElement.id !== "search") {
        event.preventDefault();
        form.querySelector("#search").focus();
      }
    });
    show();
  }
}
