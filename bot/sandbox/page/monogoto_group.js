/** One group: its range, the vendor's console, its SIMs, its raw record. */

import { fill, h } from "./dom.js";
import { action, back, badge, rawRecord, section } from "./monogoto_words.js";

/** The screen of one group. */
export function make(api, show) {
  let id = "";
  let form = null;
  const head = h("div");
  const record = h("div");

  async function refresh() {
    const asked = id;
    const found = await api.get(`/control/monogoto/groups/${encodeURIComponent(asked)}`);
    if (asked !== id) return;
    fill(head, title(found.record));
    form.update(found.record);
    fill(record, rawRecord(found.record));
  }

  function open(groupId) {
    id = groupId;
    form = consoleForm(api, () => id);
    const members = h("button", { type: "button", class: "m-button m-minor", onclick: () => show("things", id) }, "Its SIMs ›");
    return h(
      "div",
      {},
      back("Groups", () => show("groups")),
      head,
      members,
      section("In Monogoto's console", form.node),
      h("details", { class: "m-raw" }, h("summary", {}, "Raw record, as GET answers it"), record),
    );
  }

  return { open, refresh };
}

function title(record) {
  const lock = record.LockMasterImei === true ? badge(`locked to TAC ${record.IMEIPrefix || "none"}`, "lock") : badge("not locked", "quiet");
  return [
    h("h3", { class: "m-title", dir: "auto" }, record.ThingsGroupName),
    h("p", { class: "m-small" }, h("code", {}, record.ThingsGroupId)),
    h("p", { class: "m-badges" }, lock),
  ];
}

function consoleForm(api, id) {
  const lock = h("input", { type: "checkbox", "data-testid": "console-group-lock" });
  const tac = h("input", { class: "m-input", inputmode: "numeric", placeholder: "none", "aria-label": "TAC", "data-testid": "console-group-tac", autocomplete: "off" });
  let touched = false;
  for (const field of [lock, tac]) field.addEventListener("input", () => (touched = true));

  const save = action("Save past the bot", async () => {
    await api.post("/control/monogoto/edit-group", { id: id(), lock: lock.checked, tac: tac.value });
    touched = false;
  }, { "data-testid": "console-group-save" });

  function update(record) {
    if (touched) return;
    lock.checked = record.LockMasterImei === true;
    tac.value = record.IMEIPrefix || "";
  }

  return { node: h("div", { class: "m-form" }, h("label", { class: "m-choice" }, lock, h("span", {}, "Lock to the TAC ", tac)), save), update };
}
