/** The first-run guide: five steps in a corner, ticked off by the server when they have really happened. */

import { announce, fill, h } from "./dom.js";

const REFRESH_MS = 200;
const FOLD_BELOW = 700;

/** Fill the corner; it is gone once dismissed, and a pill where there is little room. */
export function mount(corner, api) {
  const state = { folded: window.innerWidth < FOLD_BELOW, chosen: null, last: null };
  corner.classList.add("g-corner");

  function draw() {
    const { steps, dismissed } = state.last;
    corner.hidden = dismissed;
    corner.dataset.folded = String(state.folded);
    fill(corner, state.folded ? pill(steps, () => fold(false)) : panel(steps, state, { draw, fold, dismiss, api }));
  }

  function fold(folded) {
    state.folded = folded;
    draw();
    corner.querySelector("button")?.focus();
  }

  async function dismiss() {
    state.last = await api.post("/control/guide/dismiss", { dismissed: true });
    draw();
  }

  async function refresh() {
    const found = await api.get("/control/guide");
    if (JSON.stringify(found) === JSON.stringify(state.last)) return;
    tellNews(state, found);
    state.last = found;
    draw();
  }

  keepFresh(api, refresh);
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

const doneOf = (steps) => steps.filter((step) => step.done).length;

function pill(steps, open) {
  const label = doneOf(steps) === steps.length ? "Guide: all done" : `Guide ${doneOf(steps)}/${steps.length}`;
  return h("button", { type: "button", class: "g-pill", "data-testid": "guide-pill", "aria-expanded": "false", onclick: open }, label);
}

function panel(steps, state, does) {
  const next = steps.find((step) => !step.done);
  const chosen = state.chosen ?? next?.key;
  const choose = (key) => {
    state.chosen = key === chosen ? "" : key;
    does.draw();
  };
  return h(
    "section",
    { class: "g-panel", "aria-label": "First steps" },
    head(steps, does),
    h("ol", { class: "g-steps" }, steps.map((step, place) => stepNode(step, place, step.key === chosen, choose, does.api))),
    next ? null : h("p", { class: "g-all" }, "That is the whole bot: asked, approved, applied, read back, and in the audit log."),
  );
}

function head(steps, { fold, dismiss }) {
  return h(
    "header",
    { class: "g-head" },
    h("h2", {}, "Two minutes with IMEI Lock"),
    h("span", { class: "g-count" }, `${doneOf(steps)}/${steps.length}`),
    h("button", { type: "button", class: "g-icon", title: "Fold", "aria-label": "Fold the guide", "data-testid": "guide-fold", onclick: () => fold(true) }, "–"),
    h("button", { type: "button", class: "g-icon", title: "Put away", "aria-label": "Put the guide away", "data-testid": "guide-dismiss", onclick: dismiss }, "×"),
  );
}

function stepNode(step, place, isOpen, choose, api) {
  return h(
    "li",
    { class: "g-step", "data-testid": `guide-step-${place + 1}`, "data-key": step.key, "data-done": String(step.done) },
    h(
      "button",
      { type: "button", class: "g-title", "aria-expanded": String(isOpen), onclick: () => choose(step.key) },
      h("span", { class: "g-tick", "aria-hidden": "true" }, step.done ? "✓" : String(place + 1)),
      h("span", {}, step.title),
      step.done ? h("span", { class: "g-unseen" }, "(done)") : null,
    ),
    isOpen ? h("div", { class: "g-more" }, h("p", {}, step.text), step.copy ? copyLine(step.copy) : null, goThere(step, api)) : null,
  );
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

function goThere(step, api) {
  const go = () => {
    if (step.person) api.actAs(step.person);
    if (step.channel) api.openChannel(step.channel);
    if (step.screen) showMonogoto(step);
  };
  return h("button", { type: "button", class: "g-go", "data-testid": "guide-go", onclick: go }, "Take me there");
}

/** Open the Monogoto side as its button does, at the screen that the step needs. */
function showMonogoto(step) {
  const pane = document.getElementById("monogoto");
  if (pane.hidden) document.querySelector('[data-testid="monogoto-toggle"]')?.click();
  pane.hidden = false;
  const detail = step.search ? [step.screen, step.search] : [step.screen];
  document.dispatchEvent(new CustomEvent("monogoto:show", { detail }));
}
