/** For whoever builds the app: what Slack refused, with its error code and its JSON pointers. */

import { fill, h, icon, ICONS } from "./dom.js";

let seen = null;
const closed = new Set();
const MOST = 2;
const ORDINARY = new Set(["hash_conflict", "not_found", "expired_trigger_id"]);

/** Show what was refused since this page was opened, the newest last, until it is closed. */
export function drawStrip(found) {
  const trouble = found.filter((one) => !isOrdinary(one));
  if (seen === null) seen = new Set(trouble.map((one) => one.id));
  const fresh = trouble.filter((one) => !seen.has(one.id) && !closed.has(one.id));
  const shown = fresh.slice(-MOST);
  const strip = document.getElementById("strip");
  strip.hidden = fresh.length === 0;
  if (strip.dataset.shown === fresh.map((one) => one.id).join()) return;
  strip.dataset.shown = fresh.map((one) => one.id).join();
  fill(strip, fresh.length > 1 && rest(fresh, trouble), shown.map((one) => entry(one, trouble)));
}

/** Somebody closed a form, or was slow, while the app was about to change it: no fault of the app. */
const isOrdinary = (one) => one.title.includes("views.") && ORDINARY.has(one.error);

/** The demo began again: ids are given out anew, and what was refused before is history. */
export function forgetTrouble() {
  seen = new Set();
  closed.clear();
}

/** How many more there are, and the way to be rid of all. */
function rest(fresh, trouble) {
  const clear = () => {
    fresh.forEach((one) => closed.add(one.id));
    drawStrip(trouble);
  };
  const before = fresh.length > MOST ? `and ${fresh.length - MOST} before these` : "";
  return h("p", { class: "strip-rest quiet" }, before, h("button", { type: "button", class: "link small", onclick: clear }, "Clear all"));
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
