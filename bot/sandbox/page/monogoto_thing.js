/** One SIM: its lock, the device that it is put into, the vendor's console, its raw record. */

import { fill, freshId, h } from "./dom.js";
import { action, back, badge, imeiForEyes, rawRecord, section } from "./monogoto_words.js";

const REFUSED = {
  thing: "Refused by the SIM's own lock",
  group: "Refused by its group's lock",
  state: "Refused by the SIM's state",
};

/** The screen of one SIM. What is typed stays while facts are brought up to date. */
export function make(api, show) {
  let iccid = "";
  let now = null;
  const parts = { head: h("div"), choices: null, start: null, console: null, record: h("div") };
  const result = h("div", { class: "m-result", role: "status", "data-testid": "session-result" });

  async function refresh() {
    const asked = iccid;
    const found = await api.get(`/control/monogoto/things/${encodeURIComponent(asked)}`);
    if (asked !== iccid) return;
    if (!now) parts.start.querySelector("button").disabled = false;
    now = found;
    fill(parts.head, head(now));
    parts.choices.update(now);
    parts.console.update(now.record);
    fill(parts.record, rawRecord(now.record));
  }

  function open(id) {
    iccid = id;
    now = null;
    fill(result);
    parts.choices = deviceChoices();
    parts.console = consoleForm(api, () => iccid);
    parts.start = action("Start a data session", () => session(api, iccid, parts.choices.imei(), now, result), {
      class: "m-button m-main",
      "data-testid": "session-start",
      disabled: true, // which devices there are is not known yet
    });
    const record = h("details", { class: "m-raw", "data-testid": "thing-record" }, h("summary", {}, "Raw record, as GET answers it"), parts.record);
    return h(
      "div",
      {},
      back("SIMs", () => show("things")),
      parts.head,
      section("Put it into a device", parts.choices.node, parts.start, result),
      section("In Monogoto's console", parts.console.node),
      record,
    );
  }

  return { open, refresh };
}

function head({ record, group }) {
  const groupLocked = group && group.LockMasterImei === true;
  const lock = record.LockMasterImei === true ? badge(`locked to ${imeiForEyes(record.MasterIMEI)}`, "lock") : badge("not locked", "quiet");
  return [
    h("h3", { class: "m-title", dir: "auto" }, record.ThingName),
    h("p", { class: "m-small" }, "ICCID ", h("code", {}, record.ExternalUniqueId)),
    h("p", { class: "m-badges", "data-testid": "thing-badges" }, lock,
      groupLocked ? badge(`group locked to TAC ${group.IMEIPrefix || "none"}`, "lock") : null,
      record.State === "ACTIVE" ? null : badge(record.State, "bad")),
    h("p", { class: "m-small", dir: "auto" }, `Group: ${group ? group.ThingsGroupName : record.ThingsGroupId}`),
  ];
}

/** Whether two IMEIs name one device: the last digit only checks the others. */
const sameDevice = (one, other) => Boolean(one) && one.slice(0, 14) === other.slice(0, 14);

/** Which device: the one last seen, another one, or one that is typed. */
function deviceChoices() {
  const name = freshId("device");
  const typed = h("input", { class: "m-input", inputmode: "numeric", placeholder: "15 digits", "aria-label": "IMEI of the device", "data-testid": "session-imei", autocomplete: "off" });
  const options = [["other", "Another device"], ["seen", "The last-seen device"], ["typed", "Type an IMEI"]].map(([value, label]) => {
    const radio = h("input", { type: "radio", name, value, checked: value === "other", "data-testid": `device-${value}` });
    const detail = value === "typed" ? typed : h("code", {});
    return { value, radio, detail, node: h("label", { class: "m-choice" }, radio, h("span", {}, label, " ", detail)) };
  });
  typed.addEventListener("focus", () => (options[2].radio.checked = true));
  const imeis = { seen: "", other: "" };

  function update({ record, unused_imei: unused }) {
    const isAnother = imeis.other && ![record.IMEI, record.MasterIMEI].some((imei) => sameDevice(imei, imeis.other));
    Object.assign(imeis, { seen: /^\d{15}$/.test(record.IMEI || "") ? record.IMEI : "", other: isAnother ? imeis.other : unused });
    for (const { value, radio, detail } of options.slice(0, 2)) {
      detail.textContent = imeis[value] ? imeiForEyes(imeis[value]) : "(never seen in one)";
      radio.disabled = !imeis[value];
    }
  }

  const chosen = () => options.find(({ radio }) => radio.checked).value;
  const node = h("div", { class: "m-choices", role: "radiogroup", "aria-label": "Device" }, options.map((option) => option.node));
  return { node, update, imei: () => (chosen() === "typed" ? typed.value : imeis[chosen()]) };
}

async function session(api, iccid, imei, before, result) {
  fill(result); // what the attempt before came to must not stand under what is wrong with this one
  const said = await api.post("/control/monogoto/session", { iccid, imei });
  const { record, group } = before;
  const wanted = said.by === "thing" ? imeiForEyes(record.MasterIMEI) : `TAC ${(group && group.IMEIPrefix) || "none"}`;
  result.dataset.accepted = String(said.accepted);
  result.dataset.by = said.by;
  fill(
    result,
    h("strong", {}, said.accepted ? "Service" : "No service"),
    h("p", {}, said.accepted ? `Accepted: ${said.why}.` : `${REFUSED[said.by]}: ${said.why}.`),
    said.odd ? h("p", { "data-testid": "session-odd" }, `⚠️ ${said.odd}`) : null,
    h("p", { class: "m-small" }, `This device: ${imeiForEyes(said.imei)}`, said.by === "thing" || said.by === "group" ? ` · locked to: ${wanted}` : ""),
  );
  result.scrollIntoView({ block: "nearest" });
}

/** What somebody at the vendor's console can do, past the bot. */
function consoleForm(api, iccid) {
  const lock = h("input", { type: "checkbox", "data-testid": "console-lock" });
  const imei = h("input", { class: "m-input", inputmode: "numeric", placeholder: "none", "aria-label": "Locked IMEI", "data-testid": "console-imei", autocomplete: "off" });
  let touched = false;
  for (const field of [lock, imei]) field.addEventListener("input", () => (touched = true));

  const save = action("Save past the bot", async () => {
    await api.post("/control/monogoto/edit-thing", { iccid: iccid(), lock: lock.checked, imei: imei.value });
    touched = false;
  }, { "data-testid": "console-save" });

  function update(record) {
    if (touched) return;
    lock.checked = record.LockMasterImei === true;
    imei.value = record.MasterIMEI || "";
  }

  const node = h("div", { class: "m-form" }, h("label", { class: "m-choice" }, lock, h("span", {}, "Lock to the IMEI ", imei)), save);
  return { node, update };
}
