/** The stack of modals: the newest on top, the others under it as they were left. */

import * as api from "./api.js";
import { flush } from "./acts.js";
import { drawBlocks } from "./blocks.js";
import { clearToasts, confirmed } from "./dialog.js";
import { announce, fill, focusable, focusKeeper, h, icon, ICONS, reconcile, trapFocus } from "./dom.js";
import { refresh, store } from "./store.js";
import { dropDrafts, isTouched, Surface } from "./surface.js";

const open = new Map();
let cameFrom = null;
const text = (words) => ({ type: "plain_text", text: words });
const LEAVE = {
  title: text("Leave this form?"), text: text("What you have filled in will be lost."),
  confirm: text("Leave form"), deny: text("Stay"), style: "danger", safe: true,
};

/** Show exactly these views, top last; what is in them stays where nothing changed. */
export function drawModals(views) {
  const layers = document.getElementById("modals");
  if (views.length && !open.size) cameFrom = document.activeElement;
  for (const [id, modal] of open) if (!views.some((view) => view.id === id)) modal.gone();
  for (const view of views) {
    if (!open.has(view.id)) {
      open.set(view.id, new Modal(view));
      clearToasts();
    } else open.get(view.id).update(view);
  }
  reconcile(layers, views.map((view) => open.get(view.id).node));
  views.forEach((view, at) => (open.get(view.id).node.inert = at < views.length - 1));
  for (const name of ["sidebar", "channel", "thread"]) document.getElementById(name).inert = views.length > 0;
  const top = views.length && open.get(views.at(-1).id);
  if (top) top.takeFocus();
  else if (cameFrom) giveBack();
}

/**
 * The way is free for what was asked to be seen: true. Forms with nothing in them go; where somebody has typed or
 * chosen something they are asked first, and false means that they stay.
 */
export async function putModalsAway() {
  if (store.place?.me !== api.me()) return true; // they are another person's, and wait for that person
  const modals = [...open.values()].reverse();
  if (modals.some((modal) => isTouched(modal.view)) && !(await confirmed(LEAVE, { place: store.place }))) return false;
  cameFrom = null;
  for (const modal of modals) await modal.close();
  return true;
}

/** Forget every modal without a word to the app: the one that they belonged to is no more. */
export function dropModals() {
  cameFrom = null;
  for (const modal of [...open.values()]) modal.gone();
}

/** Esc closes the top modal wherever the focus is, unless something smaller took it. */
function closeByKey(event) {
  const top = [...open.values()].at(-1);
  if (event.key !== "Escape" || !top || document.querySelector("#layers .dialog, .menu")) return;
  event.preventDefault();
  top.close();
}

document.addEventListener("keydown", closeByKey);

/** The last modal is gone: the focus goes back to where it was. */
function giveBack() {
  if (document.contains(cameFrom)) cameFrom.focus({ preventScroll: true });
  cameFrom = null;
}

class Modal {
  constructor(view) {
    Object.assign(this, { id: view.id, errors: {}, busy: false, hash: null });
    this.body = h("div", { class: "modal-body" });
    this.banner = h("div", { class: "modal-banner", role: "alert", hidden: true });
    this.title = h("h2", {});
    this.foot = h("footer", { class: "modal-foot" });
    this.box = h("form", { class: "modal", role: "dialog", "aria-modal": "true", tabindex: "-1", novalidate: true,
      onsubmit: (event) => event.preventDefault() },
      h("header", { class: "modal-head" }, h("span", { class: "avatar bot tiny", "aria-hidden": "true" }), this.title,
        h("button", { type: "button", class: "plain", "aria-label": "Dismiss", title: "Dismiss (Esc)", onclick: () => this.close() }, icon(ICONS.close))),
      this.banner, this.body, this.foot);
    this.box.addEventListener("keydown", (event) => this.key(event));
    trapFocus(this.box);
    this.node = h("div", { class: "cover", "data-testid": "modal" }, this.box);
    this.update(view);
  }

  /** New content only where the app changed the view. */
  update(view) {
    this.view = view;
    if (view.hash === this.hash) return;
    const first = this.hash === null;
    this.hash = view.hash;
    this.busy = false;
    this.fail("");
    this.draw();
    if (!first) announce(`${view.title.text} was updated`);
  }

  /** Draw the view with what was typed in it, the focus staying in its field. */
  draw() {
    const { view } = this;
    const refocus = focusKeeper(this.box);
    const scrolled = this.body.scrollTop;
    const surface = new Surface({
      id: view.id, where: { view_id: view.id, as: store.place.me }, place: store.place, view, errors: this.errors,
      failed: (text) => this.fail(text), submit: () => this.submit(), edited: (blockId) => this.forgive(blockId),
    });
    this.title.textContent = view.title.text;
    this.box.setAttribute("aria-label", view.title.text);
    fill(this.body, drawBlocks(view.blocks, surface));
    this.drawFoot();
    this.body.scrollTop = scrolled;
    refocus();
  }

  /** The field was edited: what was wrong with its old value is said no more. */
  forgive(blockId) {
    if (!this.errors[blockId]) return;
    delete this.errors[blockId];
    const input = this.body.querySelector(`[data-block="${CSS.escape(blockId)}"]`);
    input?.querySelector(".field-error")?.remove();
    input?.querySelector(".has-error")?.classList.remove("has-error");
    input?.querySelector("[aria-invalid]")?.removeAttribute("aria-invalid");
  }

  /** Put the focus on the first field that has an error, with the error in sight. */
  showError() {
    const wrong = this.box.querySelector(".has-error");
    wrong?.querySelector("input, textarea, button, select")?.focus();
    wrong?.scrollIntoView({ block: "nearest" });
  }

  /** Cancel and submit, by the view's own words. */
  drawFoot() {
    const { close, submit } = this.view;
    const cancel = h("button", { type: "button", class: "button", "data-key": "close", onclick: () => this.close() }, close?.text ?? "Cancel");
    const send = submit && h("button", { type: "button", class: "button primary", "data-key": "submit", "aria-busy": this.busy ? "true" : null, onclick: () => this.submit() }, submit.text);
    fill(this.foot, cancel, send);
  }

  /** A sentence over the form: what Slack says when the app doesn't answer as it must. */
  fail(text) {
    this.banner.hidden = !text;
    fill(this.banner, text && [icon(ICONS.warn), h("span", {}, text)]);
  }

  /** Esc closes the top one; Ctrl+Enter sends. */
  key(event) {
    if (event.key === "Escape") this.close();
    else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.submit();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Send the form; errors stand beside their fields, the first of them gets the focus. */
  async submit() {
    if (this.busy || !this.view.submit) return;
    this.setBusy(true);
    this.fail("");
    this.errors = {}; // of the last answer; a new view that comes before this one has none
    await flush();
    try {
      const { result } = await api.post("/control/submit", { view_id: this.id });
      this.errors = result.errors ?? {};
      if (result.error) this.fail(result.error);
    } catch (error) {
      this.fail(error.message);
    }
    this.setBusy(false);
    this.draw();
    this.showError();
    refresh();
  }

  /** The submit button turns while the app has not answered. */
  setBusy(busy) {
    const refocus = focusKeeper(this.box);
    this.busy = busy;
    this.drawFoot();
    refocus();
  }

  /** Press Cancel, the cross, or Esc. */
  async close() {
    try {
      await flush();
      await api.post("/control/close", { view_id: this.id });
    } catch (error) {
      this.fail(error.message);
    }
    refresh();
  }

  /** The view is no longer there. */
  gone() {
    dropDrafts(this.id);
    open.delete(this.id);
  }

  /** Put the focus into the form, once it is on top and nothing in it has it. */
  takeFocus() {
    if (this.box.contains(document.activeElement) || document.querySelector("#layers .dialog, .menu")) return;
    if (this.focused && document.activeElement !== document.body) return;
    this.focused = true;
    const wanted = this.view.blocks.find((block) => block.element?.focus_on_load);
    const fields = [...this.body.querySelectorAll("input, textarea, select")];
    const marked = wanted && this.body.querySelector(`[data-block="${CSS.escape(wanted.block_id)}"] [data-key]`);
    (marked || fields.find((field) => !field.disabled) || focusable(this.foot).at(-1) || this.box).focus({ preventScroll: true });
  }
}
