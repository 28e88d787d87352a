// The keyboard: everything that the mouse can do, and shorter.
import { refresh, toggle } from "./live.js";

let prefix = "";

const places = { h: "/", b: "/b", n: "/now", d: "/dead" };

const actions = {
  "/": () => document.querySelector(".search input")?.focus(),
  "?": () => document.getElementById("help")?.showModal(),
  j: () => step(1),
  k: () => step(-1),
  r: () => void refresh(),
  " ": () => toggle(),
  f: () => document.querySelector("[data-next-failed]")?.click(),
  y: () => copyId(),
  Enter: () => document.querySelector("tr.at a")?.click(),
  Escape: () => leave(),
};

export function startKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest?.("input, textarea, select, dialog")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (follow(event)) event.preventDefault();
  });
}

function follow({ key, target }) {
  if (prefix === "g") {
    prefix = "";
    const href = key === "w" ? workflowHref() : places[key];
    if (href) location.assign(href);
    return href !== undefined;
  }
  if (key === "g") {
    prefix = "g";
    return true;
  }
  // A focused link, button or menu has its own meaning of these keys.
  if ((key === "Enter" || key === " ") && target.closest?.("a, button, summary")) return false;
  const tab = /^[1-9]$/.test(key) ? document.querySelector(`[data-tab="${key}"]`) : null;
  if (tab) tab.click();
  else actions[key]?.();
  return tab !== null || actions[key] !== undefined;
}

/** The page of the workflow whose batch is shown, or of the chosen row. */
function workflowHref() {
  const link = 'a[href^="/w/"]';
  return (document.querySelector(`tr.at ${link}`) ?? document.querySelector(`.crumbs ${link}`))?.href;
}

function step(by) {
  const rows = [...document.querySelectorAll("tr.row")];
  const at = rows.findIndex((row) => row.classList.contains("at"));
  const next = rows[at === -1 ? 0 : Math.min(rows.length - 1, Math.max(0, at + by))];
  rows[at]?.classList.remove("at");
  next?.classList.add("at");
  next?.querySelector("a")?.focus({ preventScroll: true });
  next?.scrollIntoView({ block: "nearest" });
}

function copyId() {
  const id = document.querySelector("[data-id]")?.dataset.id;
  if (id) void navigator.clipboard.writeText(id);
}

function leave() {
  const open = document.querySelector("details.action[open]");
  if (open) {
    open.open = false;
    return;
  }
  const up =
    document.querySelector("[data-close]") ?? document.querySelector(".crumbs li:nth-last-child(2) a");
  up?.click();
}
