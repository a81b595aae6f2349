/** For whoever builds the app: what Slack refused, with its error code and its JSON pointers. */

import { fill, h, icon, ICONS } from "./dom.js";

let seen = null;
const closed = new Set();

/** Show what was refused since this page was opened, until it is closed. */
export function drawStrip(trouble) {
  if (seen === null) seen = new Set(trouble.map((one) => one.id));
  const fresh = trouble.filter((one) => !seen.has(one.id) && !closed.has(one.id));
  const strip = document.getElementById("strip");
  strip.hidden = fresh.length === 0;
  const before = [...strip.querySelectorAll("[data-trouble]")].map((node) => node.dataset.trouble).join();
  if (before === fresh.slice(-3).map((one) => one.id).join()) return;
  fill(strip, fresh.length > 3 && h("p", { class: "quiet" }, `and ${fresh.length - 3} before these`), fresh.slice(-3).map((one) => entry(one, trouble)));
}

/** One refusal. */
function entry(one, trouble) {
  const close = () => {
    closed.add(one.id);
    drawStrip(trouble);
  };
  return h("div", { class: "trouble", role: "alert", "data-trouble": one.id, "data-testid": "trouble" },
    icon(ICONS.warn), h("div", {}, h("b", {}, one.title), ": ", h("code", {}, one.error),
      one.details.length > 0 && h("ul", {}, one.details.map((line) => h("li", {}, line)))),
    h("button", { type: "button", class: "plain", "aria-label": "Close", onclick: close }, icon(ICONS.close)));
}
