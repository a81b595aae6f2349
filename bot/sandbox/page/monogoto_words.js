/** How the pane says things: numbers grouped for the eye, badges, buttons that report what went wrong. */

import { fill, h } from "./dom.js";

/** 353053119990002 → 35-305311-999000-2; anything else as it is. */
export function imeiForEyes(imei) {
  const parts = /^(\d\d)(\d{6})(\d{6})(\d)$/.exec(imei || "");
  return parts ? parts.slice(1).join("-") : imei || "none";
}

/** A short word in a pill; `kind` is plain, good, bad, lock or quiet. */
export const badge = (text, kind = "plain") => h("span", { class: `m-badge m-${kind}` }, text);

/** A titled part of a screen. */
export function section(title, ...parts) {
  return h("section", { class: "m-section" }, h("h3", {}, title), parts);
}

/** A button that waits for its work, and shows the sentence where it fails. */
export function action(label, work, attributes = {}) {
  const said = h("span", { class: "m-error", role: "alert" });
  const button = h("button", { type: "button", class: "m-button", ...attributes }, label);
  button.addEventListener("click", async () => {
    const hadFocus = document.activeElement === button;
    button.disabled = true;
    fill(said);
    try {
      await work(button);
    } catch (error) {
      fill(said, error.message);
    } finally {
      button.disabled = false;
      if (hadFocus && document.activeElement === document.body) button.focus({ preventScroll: true });
    }
  });
  return h("span", { class: "m-action" }, button, said);
}

/** Key and value, one below the other where it is narrow. */
export function facts(pairs) {
  return h("dl", { class: "m-facts" }, pairs.map(([key, value]) => [h("dt", {}, key), h("dd", {}, shown(value))]));
}

/** A value of a record as the vendor spells it. */
export function shown(value) {
  return typeof value === "string" ? value || '""' : JSON.stringify(value);
}

/** The way back to a list. */
export function back(label, onclick) {
  return h("button", { type: "button", class: "m-back", onclick }, `‹ ${label}`);
}

/** All of a raw record, folded away: what is filled first, what is null last. */
export function rawRecord(record) {
  const entries = Object.entries(record);
  const filled = entries.filter(([, value]) => value !== null);
  const empty = entries.filter(([, value]) => value === null).map(([key]) => key);
  return [
    facts(filled),
    empty.length ? h("p", { class: "m-small" }, `null: ${empty.join(", ")}`) : null,
  ];
}
