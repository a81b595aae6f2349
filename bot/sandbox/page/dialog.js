/** Small windows on top: confirm dialogs, menus, and notices that don't go away by themselves. */

import { fill, freshId, h, icon, ICONS, trapFocus } from "./dom.js";
import { mrkdwn } from "./mrkdwn.js";

const textOf = (object, place) =>
  object.type === "mrkdwn" ? mrkdwn(object.text, place) : document.createTextNode(object.text);

/** Ask what a confirm object asks, by its own title, text and buttons; resolves to the answer. Where `safe`, Enter means no. */
export function confirmed(dialog, surface) {
  return new Promise((resolve) => {
    const before = document.activeElement;
    const end = (answer) => {
      cover.remove();
      before?.focus?.({ preventScroll: true });
      resolve(answer);
    };
    const yes = h(
      "button",
      { type: "button", class: `button ${dialog.style === "danger" ? "danger" : "primary"}`, onclick: () => end(true) },
      dialog.confirm.text,
    );
    const no = h("button", { type: "button", class: "button", onclick: () => end(false) }, dialog.deny.text);
    const cover = h("div", { class: "cover" }, confirmBox(dialog, surface.place, [no, yes], () => end(false)));
    document.getElementById("layers").append(cover);
    (dialog.safe ? no : yes).focus();
  });
}

/** The box itself; Esc means no. */
function confirmBox(dialog, place, buttons, cancel) {
  const describes = freshId("confirm");
  const box = h(
    "div",
    { class: "dialog", role: "dialog", "aria-modal": "true", "aria-label": dialog.title.text, "aria-describedby": describes },
    h("h2", {}, dialog.title.text),
    h("p", { id: describes }, textOf(dialog.text, place)),
    h("div", { class: "dialog-buttons" }, buttons),
  );
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    cancel();
  });
  trapFocus(box);
  return box;
}

/** A menu under a button: `items` are { label, hint, run }; arrows, Enter and Esc work. */
export function openMenu(anchor, label, items) {
  const close = (focus = true) => {
    menu.remove();
    anchor.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", outside, true);
    if (focus) anchor.focus();
  };
  const outside = (event) => menu.contains(event.target) || close(false);
  const entries = items.map((item) =>
    h("button", { type: "button", role: "menuitem", class: "menu-item", onclick: () => (close(), item.run()) },
      h("span", {}, item.label), item.hint && h("small", {}, item.hint)),
  );
  const menu = h("div", { class: "menu", role: "menu", "aria-label": label },
    entries.length ? entries : h("p", { class: "quiet" }, "Nothing here yet."));
  menu.addEventListener("keydown", (event) => menuKey(event, entries, close));
  anchor.setAttribute("aria-expanded", "true");
  document.body.append(menu);
  placeUnder(menu, anchor);
  document.addEventListener("pointerdown", outside, true);
  entries[0]?.focus();
}

/** Up, down, Esc and Tab in a menu. */
function menuKey(event, entries, close) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) {
    const at = entries.indexOf(document.activeElement);
    entries[(at + step + entries.length) % entries.length]?.focus();
  } else if (event.key !== "Escape" && event.key !== "Tab") return;
  else close();
  event.preventDefault();
  event.stopPropagation();
}

/** Put a floating box under its anchor, or above where there is no room. */
export function placeUnder(box, anchor) {
  const at = anchor.getBoundingClientRect();
  const left = Math.max(8, Math.min(at.left, innerWidth - box.offsetWidth - 8));
  const below = at.bottom + 4 + box.offsetHeight <= innerHeight || at.top < box.offsetHeight;
  box.style.left = `${left}px`;
  box.style.top = below ? `${at.bottom + 4}px` : `${at.top - box.offsetHeight - 4}px`;
}

/** What was said of the act before is over. */
export const clearToasts = () => fill(document.getElementById("toasts"));

/** Say loudly that something failed; it stays until it is closed. */
export function toast(text) {
  const box = document.getElementById("toasts");
  const close = h("button", { type: "button", class: "plain", "aria-label": "Close", onclick: () => note.remove() }, icon(ICONS.close));
  const note = h("div", { class: "toast", role: "alert" }, icon(ICONS.warn), h("span", {}, text), close);
  const shown = [...box.children].filter((each) => each.querySelector("span")?.textContent !== text).slice(-2);
  fill(box, shown, note);
}
