/** The thread pane: a message, its replies, and where one answers. */

import { Composer } from "./composer.js";
import { fill, h, icon, ICONS } from "./dom.js";
import { markRead, MessageList } from "./messages.js";
import { backButton, showScreen } from "./shell.js";
import { draw, shownMessages, store } from "./store.js";

let parts = null;

/** Made once. */
function make() {
  const node = document.getElementById("thread");
  const rows = h("div", { class: "messages", role: "log", "aria-label": "Thread", "aria-live": "off" });
  const scroller = h("div", { class: "scroller", tabindex: "-1" }, rows);
  const composer = new Composer({ label: "Reply", target: () => ({ channel: store.channel, thread_ts: store.thread }) });
  const close = h("button", { type: "button", class: "plain", "aria-label": "Close thread", title: "Close thread", onclick: closeThread }, icon(ICONS.close));
  const where = h("small", {});
  const head = h("header", { class: "pane-head" }, backButton("channel", "Back to the channel"), h("h1", {}, "Thread"), where, close);
  fill(node, head, scroller, h("div", { class: "pane-foot" }, composer.node));
  node.addEventListener("keydown", (event) => event.key === "Escape" && closeThread());
  return { node, where, composer, list: new MessageList(rows, null) };
}

/** Open the thread of a message. */
export function openThread(message) {
  store.thread = message.thread_ts ?? message.ts;
  showScreen("thread");
  draw();
  parts.composer.input.focus({ preventScroll: true });
}

/** Close it; the focus goes back to the message that it hangs on. */
export function closeThread() {
  const ts = store.thread;
  store.thread = null;
  showScreen("channel");
  draw();
  const row = document.querySelector(`#channel [data-ts="${ts}"]`);
  (row?.querySelector(".thread-link") ?? row)?.focus();
}

/** Draw the open thread; one whose message is gone closes. */
export function drawThread() {
  parts ??= make();
  const messages = shownMessages().filter((message) => store.thread && [message.ts, message.thread_ts].includes(store.thread));
  const parent = messages.find((message) => message.ts === store.thread);
  if (!parent) store.thread = null;
  parts.node.hidden = !parent;
  document.body.classList.toggle("with-thread", Boolean(parent));
  if (!parent) return;
  parts.where.textContent = `#${store.place.channels.get(store.channel)?.name ?? ""}`;
  parts.list.draw(`${store.channel} ${store.thread}`, messages);
  parts.composer.show(`${store.place.me} ${store.thread}`, "Reply…");
  const last = store.messages.filter((message) => [message.ts, message.thread_ts].includes(store.thread)).at(-1);
  if (last && parent.unread_replies > 0 && document.visibilityState === "visible") markRead(store.channel, last.ts, store.thread);
}
