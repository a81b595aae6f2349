/** The latest calls to Monogoto, live: what was asked, what was answered, what went wrong on the way. */

import { fill, h, scrolling } from "./dom.js";
import { slackDate } from "./dates.js";
import { badge } from "./monogoto_words.js";
import { store } from "./store.js";

const MOST = 60;

/** The screen of calls; one that is unfolded stays so while others come in. */
export function make(api) {
  const list = h("ol", { class: "m-calls", "data-testid": "call-list" });
  const note = h("p", { class: "m-small", role: "status" });
  const shown = new Map();

  async function refresh() {
    const found = await api.get(`/control/monogoto/calls?most=${MOST}`);
    fill(note, found.calls.length ? "Newest first. Secrets are cut." : "No calls yet.",
      found.listings ? ` Besides: ${found.listings} pages of listings for the bot's inventory.` : "");
    const nodes = found.calls.map((call) => shown.get(call.number) || callNode(call));
    shown.clear();
    found.calls.forEach((call, place) => shown.set(call.number, nodes[place]));
    reconcile(list, nodes);
    for (const node of list.querySelectorAll("time")) node.textContent = timeOf(node.dateTime);
  }

  return { open: () => h("div", {}, note, list), refresh, forget: () => shown.clear() };
}

/** Without touching what stays: an unfolded call keeps its place in sight, and its focus. */
function reconcile(list, nodes) {
  const wanted = new Set(nodes);
  for (const node of [...list.children]) if (!wanted.has(node)) node.remove();
  let before = list.firstChild;
  for (const node of nodes) {
    if (node === before) before = before.nextSibling;
    else list.insertBefore(node, before);
  }
}

/** The time of day where the acting person lives, as in the messages beside it. */
const timeOf = (at) => slackDate(Date.parse(at) / 1000, "{time_secs}", store.place);

function callNode(call) {
  const query = Object.entries(call.query).map(([key, value]) => `${key}=${value}`).join("&");
  const summary = h(
    "summary",
    {},
    h("span", { class: `m-verb m-verb-${call.method.toLowerCase()}` }, call.method),
    h("code", { class: "m-path" }, inShort(call.path), query ? inShort(`?${query}`) : ""),
    badge(call.status ? String(call.status) : "no answer", call.status && call.status < 400 ? "good" : "bad"),
  );
  const parts = [
    h("p", {}, h("code", {}, call.path, query ? `?${query}` : "")),
    h("p", { class: "m-small" }, h("time", { datetime: call.at }, timeOf(call.at)), call.fault ? ` · went wrong on purpose: ${call.fault}` : ""),
    call.body === null ? null : [h("h4", {}, "Sent"), pre("What was sent", call.body)],
    h("h4", {}, "Answered"),
    call.status ? pre("What was answered", call.answer) : h("p", { class: "m-small" }, "Nothing: the connection was cut."),
  ];
  return h("li", { "data-number": call.number, "data-method": call.method }, h("details", { class: "m-call" }, summary, parts));
}

/** Long ids by their end, which is what tells them apart; unfolded, the call shows them whole. */
const inShort = (path) => path.replace(/Things?(Id_ICCID|GroupId)_[\w-]*([\w-]{6})/g, "…$2").replace(/&?limit=\d+&offset=0/, "").replace("?&", "?");

const pre = (label, value) => scrolling("pre", label, {}, typeof value === "string" ? value : JSON.stringify(value, null, 2));
