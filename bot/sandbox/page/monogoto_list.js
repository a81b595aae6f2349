/** Lists of SIMs and groups: searched on the server, a page at a time. */

import { fill, focusKeeper, h } from "./dom.js";
import { badge, imeiForEyes } from "./monogoto_words.js";

const PAGE = 50;
const TYPING_MS = 120;
const WORDS = {
  things: { search: "Name, ICCID, IMEI or group", one: "SIM", many: "SIMs", row: thingRow },
  groups: { search: "Name, id or TAC", one: "group", many: "groups", row: groupRow },
};

/** A screen with a search box; `choose(id)` when a row is clicked. `open(text)` presets the search. */
export function make(api, kind, choose) {
  const words = WORDS[kind];
  const asked = { search: "", offset: 0, turn: 0 };
  const parts = { rows: h("ul", { class: "m-rows", "data-testid": `${kind}-rows` }), foot: h("div", { class: "m-foot" }) };
  const count = h("p", { class: "m-small", role: "status" });

  async function refresh() {
    const turn = ++asked.turn;
    const query = new URLSearchParams({ search: asked.search, offset: asked.offset });
    const found = await api.get(`/control/monogoto/${kind}?${query}`);
    if (turn !== asked.turn) return;
    fill(count, `${found.total.toLocaleString("en")} ${found.total === 1 ? words.one : words.many}`);
    const refocus = focusKeeper(screen);
    fill(parts.rows, found.rows.map((row) => h("li", {}, words.row(row, choose))));
    fill(parts.foot, pager(asked, found.total, refresh));
    refocus();
  }

  const box = searchBox(kind, words, asked, refresh);
  const screen = h("div", {}, box, count, parts.rows, parts.foot);
  return { open: (text) => (preset(box, asked, text), screen), refresh };
}

function searchBox(kind, words, asked, refresh) {
  let waiting = null;
  const typed = (event) => {
    Object.assign(asked, { search: event.target.value, offset: 0 });
    clearTimeout(waiting);
    waiting = setTimeout(refresh, TYPING_MS);
  };
  return h("input", {
    class: "m-search",
    type: "search",
    placeholder: words.search,
    "aria-label": `Search ${words.many}`,
    "data-testid": kind === "things" ? "monogoto-search" : "monogoto-group-search",
    autocomplete: "off",
    spellcheck: "false",
    oninput: typed,
  });
}

function preset(box, asked, text) {
  if (text === undefined) return;
  box.value = text;
  Object.assign(asked, { search: text, offset: 0 });
}

function pager(asked, total, refresh) {
  if (total <= PAGE) return null;
  const turnTo = (offset, label) =>
    h("button", { type: "button", class: "m-button m-minor", "data-key": label, disabled: offset < 0 || offset >= total, onclick: () => ((asked.offset = offset), refresh()) }, label);
  const last = Math.min(asked.offset + PAGE, total);
  return [
    turnTo(asked.offset - PAGE, "‹ Earlier"),
    h("span", { class: "m-small" }, `${asked.offset + 1}–${last}`),
    turnTo(asked.offset + PAGE, "More ›"),
  ];
}

function thingRow(row, choose) {
  return h(
    "button",
    { type: "button", class: "m-row", "data-testid": "thing-row", "data-iccid": row.iccid, "data-key": row.iccid, onclick: () => choose(row.iccid) },
    h("span", { class: "m-row-top" }, h("b", { class: "m-name", dir: "auto" }, row.name), lockBadge(row)),
    h("span", { class: "m-row-sub" }, h("code", {}, row.iccid), ` · ${row.imei ? imeiForEyes(row.imei) : "never seen in a device"}`),
    h("span", { class: "m-row-sub", dir: "auto" }, row.group, row.state === "ACTIVE" ? "" : ` · ${row.state}`, row.online ? " · on-line" : ""),
  );
}

function lockBadge(row) {
  if (row.locked) return badge("locked", "lock");
  return row.group_locked ? badge("group lock", "lock") : badge("open", "quiet");
}

function groupRow(row, choose) {
  return h(
    "button",
    { type: "button", class: "m-row", "data-testid": "group-row", "data-id": row.id, "data-key": row.id, onclick: () => choose(row.id) },
    h("span", { class: "m-row-top" }, h("b", { class: "m-name", dir: "auto" }, row.name), row.locked ? badge(row.tac ? `TAC ${row.tac}` : "locked", "lock") : badge("open", "quiet")),
    h("span", { class: "m-row-sub" }, `${row.things.toLocaleString("en")} ${row.things === 1 ? "SIM" : "SIMs"}`),
  );
}
