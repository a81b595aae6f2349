/** Trouble on demand: slow, refusing, breaking off; and starting the whole demo over. */

import { fill, h } from "./dom.js";
import { action, badge, facts, section } from "./monogoto_words.js";

const KINDS = {
  answer_lost: ["Lose the answer after a write", "The write takes effect, then the connection breaks.", "write"],
  slow: ["Be slow", "Each answer takes eight seconds.", "call"],
  rate_limited: ["Answer 429", "Too many requests; come back in five seconds.", "call"],
  error: ["Answer 500", "A server error; nothing is changed.", "call"],
};
const TIMES = [1, 3, 10];
const POLL_MS = 400;

/** The screen of trouble. */
export function make(api) {
  const waiting = h("p", { class: "m-badges", role: "status", "data-testid": "trouble-waiting" });
  const about = h("div");

  async function refresh() {
    const [trouble, demo] = await Promise.all([api.get("/control/monogoto/trouble"), api.get("/control/demo")]);
    fill(waiting, trouble.waiting.length ? trouble.waiting.map(chip) : badge("nothing is set to go wrong", "quiet"));
    fill(about, facts(demoFacts(demo)));
  }

  function open() {
    return h(
      "div",
      {},
      section("What goes wrong next", waiting, Object.entries(KINDS).map((entry) => kindRow(api, ...entry)), others(api)),
      section("This demo", about, h("div", { class: "m-buttons" }, guideAgain(api), startOver(api))),
    );
  }

  return { open, refresh };
}

const chip = ({ kind, times }) => badge(`${KINDS[kind] ? KINDS[kind][0] : kind} × ${times}`, "bad");

function demoFacts(demo) {
  return [
    ["SIMs", demo.things.toLocaleString("en")],
    ["Seed", demo.seed],
    ["Slack speaks", demo.transport],
    ["Clock", demo.fast > 1 ? `${demo.fast} times as fast while nobody waits` : "real time"],
  ];
}

/** `counted` is what is used up: every call, or writes only. */
function kindRow(api, kind, [label, text, counted]) {
  const set = (times) => {
    const many = `${times} ${counted}s`;
    const [words, inFull] = times === 1 ? [`Next ${counted}`, `next ${counted}`] : [many, `next ${many}`];
    return action(words, () => api.post("/control/monogoto/trouble", { kind, times }), {
      class: "m-button m-minor",
      "data-testid": times === 1 ? `fault-${kind}` : `fault-${kind}-${times}`,
      "aria-label": `${label}: ${inFull}`,
    });
  };
  return h("div", { class: "m-kind" }, h("b", {}, label), h("p", { class: "m-small" }, text), h("div", { class: "m-buttons" }, TIMES.map(set)));
}

function others(api) {
  return h(
    "div",
    { class: "m-buttons" },
    action("Expire all log-ins", () => api.post("/control/monogoto/expire-tokens"), { "data-testid": "fault-expire" }),
    action("Nothing goes wrong any more", () => api.post("/control/monogoto/clear"), { "data-testid": "fault-clear" }),
  );
}

function guideAgain(api) {
  return action("Show the guide", async () => {
    await api.post("/control/guide/dismiss", { dismissed: false });
    document.dispatchEvent(new CustomEvent("guide:show"));
  }, { "data-testid": "guide-again" });
}

/** Twice to be pressed: everything that was done here is gone afterwards. */
function startOver(api) {
  let sure = false;
  return action("Start over…", async (button) => {
    if (!sure) {
      sure = true;
      button.textContent = "Really: forget everything and start over";
      return;
    }
    button.textContent = "Starting over…";
    const { round } = await api.post("/control/demo/reset");
    await untilAnotherRound(api, round);
    location.reload();
  }, { "data-testid": "demo-reset" });
}

async function untilAnotherRound(api, round) {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    const demo = await api.get("/control/demo").catch(() => null);
    if (demo && demo.ready && demo.round !== round) return;
  }
}
