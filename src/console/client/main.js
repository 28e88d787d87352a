// What the console does in a browser. Everything works without it: it patches the page while things run, shows times in
// the viewer's zone, copies, and follows keys.
import { startKeys } from "./keys.js";
import { startLive } from "./live.js";
import { showTimes } from "./times.js";

document.documentElement.classList.add("js");
showTimes();
startLive();
startKeys();

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (button) await copy(button);
});

async function copy(button) {
  const before = button.textContent;
  await navigator.clipboard.writeText(button.dataset.copy);
  button.textContent = "Copied";
  setTimeout(() => {
    button.textContent = before;
  }, 1_200);
}

// A form is sent once, however often its button is pressed. The server does not rely on it.
document.addEventListener("submit", (event) => {
  const { target } = event;
  if (target.method !== "post") return;
  if (target.dataset.sent === "yes") event.preventDefault();
  target.dataset.sent = "yes";
  for (const button of target.querySelectorAll("button")) button.setAttribute("aria-busy", "true");
});

// One open menu at a time, and none after a click elsewhere.
document.addEventListener("click", ({ target }) => {
  for (const menu of document.querySelectorAll("details.action[open]"))
    if (!menu.contains(target)) menu.open = false;
});

// A chosen task is in view, also in a graph that is wider than the window.
const chosen = document.querySelector(".graph .node.chosen .box");
if (chosen) {
  const graph = chosen.closest(".graph");
  const [node, frame] = [chosen.getBoundingClientRect(), graph.getBoundingClientRect()];
  graph.scrollLeft += node.x + node.width / 2 - frame.x - frame.width / 2;
  graph.scrollTop += node.y + node.height / 2 - frame.y - frame.height / 2;
}

// The address is one to keep: what a form has done is said once.
const address = new URL(location.href);
if (address.searchParams.has("done")) {
  address.searchParams.delete("done");
  history.replaceState(null, "", address);
}
