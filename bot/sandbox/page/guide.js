/** The first-run guide: five steps in a corner, ticked off by the server when they have really happened. */

import { focusComposer, offerWords } from "./channel.js";
import { announce, fill, focusKeeper, h } from "./dom.js";
import { togglePane } from "./shell.js";

const REFRESH_MS = 200;
const FOLD_BELOW = 760;

/** Fill the corner; it is gone once dismissed, and a pill where there is little room. */
export function mount(corner, api) {
  const state = { folded: isNarrow(), chosen: null, last: null };
  corner.classList.add("g-corner");

  function draw() {
    const { steps, dismissed } = state.last;
    corner.hidden = dismissed;
    corner.dataset.folded = String(state.folded);
    document.body.classList.toggle("with-guide", !dismissed && !state.folded);
    const refocus = focusKeeper(corner);
    fill(corner, state.folded ? pill(steps, () => fold(false)) : panel(steps, state, { draw, fold, dismiss, api }));
    refocus();
  }

  function fold(folded) {
    state.folded = folded;
    draw();
    corner.querySelector("button")?.focus();
  }

  async function dismiss() {
    state.last = await api.post("/control/guide/dismiss", { dismissed: true });
    draw();
    focusComposer();
    if (document.activeElement === document.body) document.querySelector(".pane-switch").focus();
  }

  async function refresh() {
    const found = await api.get("/control/guide");
    if (JSON.stringify(found) === JSON.stringify(state.last)) return;
    tellNews(state, found);
    state.last = found;
    draw();
  }

  keepFresh(api, refresh);
  tellHeights(corner);
  document.addEventListener("guide:show", () => ((state.folded = false), refresh()));
  refresh().catch((error) => console.info(error.message));
}

/** A step that has just been done is said aloud, and the next one unfolds. */
function tellNews(state, found) {
  if (!state.last) return;
  const before = new Set(state.last.steps.filter((step) => step.done).map((step) => step.key));
  const fresh = found.steps.filter((step) => step.done && !before.has(step.key));
  if (!fresh.length) return;
  state.chosen = null;
  announce(`Done: ${fresh.map((step) => step.title).join(", ")}`);
}

function keepFresh(api, refresh) {
  let waiting = null;
  const look = () => {
    waiting = null;
    refresh().catch((error) => console.info(error.message));
  };
  api.onChange((event) => {
    if (event.what !== "offline") waiting ??= setTimeout(look, REFRESH_MS);
  });
}

/** What lies under the guide leaves room for it, and it stands over where one writes: see the styles. */
function tellHeights(corner) {
  const tell = (name, nodes) => {
    const highest = () => Math.max(...nodes.map((node) => node.offsetHeight));
    const observer = new ResizeObserver(() => document.documentElement.style.setProperty(name, `${highest()}px`));
    nodes.forEach((node) => observer.observe(node));
  };
  tell("--guide-height", [corner]);
  tell("--foot-height", [...document.querySelectorAll(".pane-foot")]);
}

const isNarrow = () => matchMedia(`(max-width: ${FOLD_BELOW}px)`).matches;

const doneOf = (steps) => steps.filter((step) => step.done).length;

function pill(steps, open) {
  const label = doneOf(steps) === steps.length ? "Guide: all done" : `Guide ${doneOf(steps)}/${steps.length}`;
  return h("button", { type: "button", class: "g-pill", "data-testid": "guide-pill", "aria-expanded": "false", onclick: open }, label);
}

function panel(steps, state, does) {
  const next = steps.findIndex((step) => !step.done);
  const place = state.chosen ?? (next < 0 ? steps.length - 1 : next);
  const choose = (chosen) => {
    state.chosen = chosen;
    does.draw();
  };
  return h(
    "section",
    { class: "g-panel", "aria-label": "First steps" },
    head(steps, does),
    h("ol", { class: "g-steps" }, steps.map((step, each) => tick(step, each, each === place, choose))),
    next < 0 && state.chosen === null ? allDone(steps, does) : stepNode(steps, place, does),
  );
}

const allDone = (steps, does) =>
  h(
    "div",
    { class: "g-more" },
    h("p", { "data-testid": "guide-all-done" }, "All five. That is the whole bot: asked, approved, applied, read back, and kept in the audit log."),
    steps.map((step) => lookAfter(step, does)),
  );

function head(steps, { fold, dismiss }) {
  return h(
    "header",
    { class: "g-head" },
    h("h2", {}, "First steps"),
    h("span", { class: "g-count" }, `${doneOf(steps)} of ${steps.length}`),
    h("button", { type: "button", class: "g-icon", title: "Fold", "aria-label": "Fold the guide", "data-testid": "guide-fold", onclick: () => fold(true) }, "–"),
    h("button", { type: "button", class: "g-icon", title: "Put away", "aria-label": "Put the guide away", "data-testid": "guide-dismiss", onclick: dismiss }, "×"),
  );
}

/** One of the five circles; its name is read aloud and shown on hovering. */
function tick(step, place, isChosen, choose) {
  const label = `${place + 1}. ${step.title}${step.done ? " (done)" : ""}`;
  return h(
    "li",
    { class: "g-step", "data-testid": `guide-step-${place + 1}`, "data-key": step.key, "data-done": String(step.done) },
    h("button", { type: "button", class: "g-tick", "data-key": `tick ${step.key}`, title: label, "aria-label": label, "aria-current": isChosen ? "step" : null, onclick: () => choose(place) }, step.done ? "✓" : String(place + 1)),
  );
}

function stepNode(steps, place, does) {
  const step = steps[place];
  return h(
    "div",
    { class: "g-more" },
    h("h3", {}, `${place + 1}. ${step.title}`),
    h("p", {}, step.text),
    step.copy ? copyLine(step.copy) : null,
    goThere(step, steps, does),
    lookAfter(step, does),
  );
}

/** What a step has left to see, and the way to it. */
function lookAfter(step, { fold }) {
  if (!step.after) return null;
  const look = () => {
    showMonogoto({ screen: "calls" });
    if (isNarrow()) fold(true);
  };
  return [
    h("p", { class: "g-after" }, step.after),
    h("button", { type: "button", class: "g-copy", "data-testid": "guide-calls", "data-key": "calls", onclick: look }, "Open Calls"),
  ];
}

function copyLine(text) {
  const button = h("button", { type: "button", class: "g-copy", "data-testid": "guide-copy", "aria-label": `Copy ${text}` }, "Copy");
  const code = h("code", { "data-testid": "guide-command" }, text);
  button.addEventListener("click", async () => {
    const copied = await copy(text, code);
    button.textContent = copied ? "Copied" : "Press Ctrl-C";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  return h("div", { class: "g-command" }, code, button);
}

/** To the clipboard; where the browser refuses, it is at least selected. */
async function copy(text, node) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    getSelection().selectAllChildren(node);
    return false;
  }
}

/** Its command stands ready there, unsent; where there is little room the guide makes place for what it speaks of. */
function goThere(step, steps, { api, fold }) {
  const isOurs = (words) => steps.some((each) => each.copy === words);
  const go = async () => {
    if (step.person && step.person !== api.me()) await api.actAs(step.person);
    if (step.channel && !(await api.openChannel(step.channel))) return;
    if (isNarrow()) fold(true);
    if (step.channel && step.copy) offerWords(step.copy, isOurs);
    if (step.screen) showMonogoto(step);
  };
  return h("button", { type: "button", class: "g-go", "data-testid": "guide-go", "data-key": "go", onclick: go }, "Take me there");
}

/** Open the Monogoto side at the screen that the step needs. */
function showMonogoto(step) {
  togglePane(true);
  const detail = step.search ? [step.screen, step.search] : [step.screen];
  document.dispatchEvent(new CustomEvent("monogoto:show", { detail }));
}
