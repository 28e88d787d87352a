// Asks for the page again while what it shows changes, and patches it in place. The server answers 304 if nothing did.
import { Idiomorph } from "idiomorph";
import { showTimes } from "./times.js";

const firstMs = 2_000;
const longestMs = 30_000;
const growth = 1.5;
/** After a change, the page is asked for at the first pace for so long. */
const lively = 30_000;

let isPaused = false;
let waitMs = firstMs;
let changedAt = Date.now();
let updatedAt = Date.now();
let timer;
/** What the page shows has this tag. */
let tag = document.getElementById("main")?.dataset.tag;
let problem = "";
let isAsking = false;

export function startLive() {
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) clearTimeout(timer);
    else restart();
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("#live")) toggle();
  });
  setInterval(showState, 1_000);
  showState();
  next();
}

export function toggle() {
  if (liveness() === "still") return;
  isPaused = !isPaused;
  if (isPaused) clearTimeout(timer);
  else restart();
  showState();
}

function restart() {
  waitMs = firstMs;
  changedAt = Date.now();
  void refresh();
}

function liveness() {
  return document.getElementById("main")?.dataset.live;
}

function next() {
  clearTimeout(timer);
  if (isPaused || document.hidden || liveness() !== "live") return;
  timer = setTimeout(refresh, waitMs);
}

export async function refresh() {
  clearTimeout(timer);
  if (isAsking) return;
  isAsking = true;
  try {
    const response = await fetch(location.href, {
      headers: { accept: "text/html", "if-none-match": tag },
      cache: "no-store",
      redirect: "error",
    });
    problem = response.ok || response.status === 304 ? "" : `the server answered ${response.status}`;
    if (response.status === 200) await show(response);
    if (problem === "") updatedAt = Date.now();
  } catch {
    problem = "no connection to Baton";
  } finally {
    isAsking = false;
  }
  waitMs = Date.now() - changedAt < lively && problem === "" ? firstMs : Math.min(longestMs, waitMs * growth);
  showState();
  next();
}

async function show(response) {
  tag = response.headers.get("etag");
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  changedAt = Date.now();
  patch(page);
}

function patch(page) {
  document.title = page.title;
  for (const id of ["main", "sections"]) {
    const [shown, fresh] = [document.getElementById(id), page.getElementById(id)];
    if (shown && fresh) {
      showTimes(fresh);
      Idiomorph.morph(shown, fresh, options);
    }
  }
}

const options = {
  ignoreActiveValue: true,
  callbacks: {
    // What the viewer has opened stays open.
    beforeAttributeUpdated: (name, element) => !(name === "open" && element.matches("details,dialog")),
    // What the viewer fills in stays.
    beforeNodeMorphed: (element) => !element.matches?.("details.action[open], form.keep"),
  },
};

function showState() {
  const mark = document.getElementById("live");
  if (!mark || liveness() === "still") return;
  const seconds = Math.round((Date.now() - updatedAt) / 1_000);
  const state = problem !== "" ? "problem" : isPaused ? "paused" : liveness();
  const words = problem !== "" ? problem : state;
  mark.dataset.state = state;
  mark.textContent = state === "ended" ? "ended" : `updated ${seconds} s ago · ${words}`;
}
