/** Draws every collected view and message by the page's own table; both widths side by side. */

import { drawBlocks } from "./blocks.js";
import { h } from "./dom.js";
import { Surface } from "./surface.js";

const WIDTHS = { phone: 390, desktop: 1280 };
const items = JSON.parse(document.getElementById("items").textContent);
const users = new Map(["U0ENG1 Maria Santos", "U0ENG2 Tom Okafor", "U0APP1 Ravi Menon", "U0APP2 Chloé Martin", "U0ADMIN Anna Lindqvist", "U0SUP1 Lena Fischer", "U0ANN Maria Santos", "U0BOB Ravi Menon"].map((line) => {
  const [id, ...name] = line.split(" ");
  return [id, { id, name: name.join(".").toLowerCase(), real_name: name.join(" ") }];
}));
const groups = new Map([["S0APPROVERS", { id: "S0APPROVERS", handle: "sim-approvers", users: [] }], ["S0ENGINEERS", { id: "S0ENGINEERS", handle: "field-engineers", users: [] }], ["S0SUPPORT", { id: "S0SUPPORT", handle: "support-leads", users: [] }]]);
const place = { me: "U0ENG1", users, bot: "U0BOT", groups, channels: new Map(), zone: "Europe/Lisbon", now: Date.now(), open: () => {} };

/** One sight under its name. */
function sight(item, number) {
  const view = item.view && { state: { values: {} }, ...item.view };
  const surface = new Surface({ id: `g${number}`, where: {}, place, view, errors: item.errors ?? {}, failed: () => {} });
  const drawn = drawBlocks(view ? view.blocks : item.blocks, surface);
  return h("section", { class: "g-item", "data-kind": item.kind, id: `n${number}` },
    h("p", { class: "g-name" }, h("b", {}, `${number + 1} · ${item.kind}`), ` ${item.name}`),
    view ? modal(view, drawn) : h("article", { class: "message" }, h("div", { class: "avatar bot" }), h("div", { class: "message-main" }, h("div", { class: "message-body" }, drawn))));
}

/** As the page frames it. */
function modal(view, drawn) {
  if (view.type === "home") return h("div", { class: "home-blocks" }, drawn);
  const button = (text, kind = "") => text && h("button", { type: "button", class: `button ${kind}` }, text.text);
  return h("div", { class: "modal" }, h("header", { class: "modal-head" }, h("span", { class: "avatar bot tiny" }), h("h2", {}, view.title.text)),
    h("div", { class: "modal-body" }, drawn), h("footer", { class: "modal-foot" }, button(view.close), button(view.submit, "primary")));
}

if (location.hash === "#one" || innerWidth < 900) document.body.append(...items.map(sight));
else {
  document.body.classList.add("g-both");
  document.body.append(...Object.entries(WIDTHS).map(([name, width]) => h("iframe", { title: name, width, src: `${location.href}#one` })));
}
