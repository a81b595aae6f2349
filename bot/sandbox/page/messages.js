/** Messages: who, when, what, and what can be done with each. Unchanged ones keep their nodes. */

import * as api from "./api.js";
import { drawBlocks } from "./blocks.js";
import { clock, dayLine, dayOf, inFull, msOf, slackDate } from "./dates.js";
import { openMenu, toast } from "./dialog.js";
import { announce, focusKeeper, h, icon, ICONS, reconcile } from "./dom.js";
import { fileBox } from "./files.js";
import { mrkdwn } from "./mrkdwn.js";
import { perform } from "./acts.js";
import { dismiss, isReply, store } from "./store.js";
import { Surface } from "./surface.js";

const GROUP_SECONDS = 300;
const NEAR_END_PX = 60;

/** A list of messages in one pane; `open(message)` opens a thread, null where there is none to open. */
export class MessageList {
  constructor(node, open) {
    Object.assign(this, { node, open, cache: new Map(), of: "", atEnd: true, newest: "", height: 0 });
    this.scroller = node.parentElement;
    this.scroller.addEventListener("scroll", () => this.scrolled());
    const resized = new ResizeObserver(() => this.stay());
    for (const each of [this.scroller, node]) resized.observe(each);
  }

  /** The reader has moved. What only changed a height has not been moved by anybody. */
  scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.scroller;
    if (clientHeight + scrollHeight === this.height) this.atEnd = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
    this.height = clientHeight + scrollHeight;
  }

  /** Who was at the end stays there, whatever grew or shrank. */
  stay() {
    this.height = this.scroller.clientHeight + this.scroller.scrollHeight;
    if (this.atEnd) this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  /** Show these messages of `of`; stays at the end, if the reader was there or wrote the last one. */
  draw(of, messages) {
    this.scrolled(); // before anything changes a height: the browser may not have told of it yet
    const fresh = of !== this.of;
    const last = messages.at(-1);
    const arrived = fresh || !this.newest ? [] : messages.filter((message) => message.ts > this.newest);
    if (fresh) this.cache.clear();
    if (fresh || arrived.some((message) => message.user === store.place.me)) this.atEnd = true;
    Object.assign(this, { of, newest: last?.ts ?? "" });
    const refocus = focusKeeper(this.node);
    reconcile(this.node, this.rows(messages));
    refocus();
    this.stay();
    if (arrived.length) announceArrived(arrived);
  }

  /** Lines between days, the line of what is new, and the messages. */
  rows(messages) {
    const { place } = store;
    const kept = new Map();
    const rows = [];
    let before = null;
    for (const message of messages) {
      const ms = msOf(message.ts);
      const newDay = !before || dayOf(msOf(before.ts), place.zone) !== dayOf(ms, place.zone);
      if (newDay) rows.push(this.kept(kept, `day ${dayOf(ms, place.zone)}`, dayLine(ms, place), (text) => h("div", { class: "day", role: "separator" }, h("span", {}, text))));
      const isFirstNew = message.ts === store.newFrom && this.open;
      if (isFirstNew) rows.push(this.kept(kept, "new", "", () => h("div", { class: "new-line", role: "separator" }, h("span", {}, "New"))));
      const joined = !newDay && !isFirstNew && joins(message, before);
      const sign = JSON.stringify([{ ...message, new: null }, joined, place.me, dayOf(place.now, place.zone), store.workspace.shortcuts.length]);
      rows.push(this.kept(kept, message.ts, sign, () => row(message, joined, this.open)));
      before = message;
    }
    this.cache = kept;
    return rows;
  }

  /** The node of last time where nothing about it has changed. */
  kept(kept, key, sign, make) {
    const old = this.cache.get(key);
    const entry = old?.sign === sign ? old : { sign, node: make(sign) };
    kept.set(key, entry);
    return entry.node;
  }
}

/** Who wrote what, for those who hear the page: the first line of each new message, not one's own. */
function announceArrived(messages) {
  const lines = messages.filter((message) => message.user !== store.place.me).map((message) => {
    const who = store.place.users.get(message.user)?.real_name ?? message.user;
    const shown = mrkdwn((message.text ?? "").split("\n")[0], store.place).textContent;
    return `${who}: ${shown}`;
  });
  if (lines.length) announce(lines.join(". "));
}

/** Whether a message goes on under the name of the one before. */
function joins(message, before) {
  const soon = Number(message.ts) - Number(before.ts) < GROUP_SECONDS;
  return soon && message.user === before.user && Boolean(message.ephemeral) === Boolean(before.ephemeral) && !message.files;
}

/** One message. */
function row(message, joined, open) {
  const { place } = store;
  const user = place.users.get(message.user);
  const label = `${user?.real_name ?? message.user}, ${clock(msOf(message.ts), place.zone)}`;
  return h("article", {
    class: `message ${joined ? "joined" : ""} ${message.ephemeral ? "ephemeral" : ""}`, tabindex: "-1",
    "data-ts": message.ts, "data-testid": "message", "data-user": message.user, "aria-label": label,
  },
    message.ephemeral && h("div", { class: "only-you" }, icon(ICONS.eye), "Only visible to you"),
    joined ? h("div", { class: "gutter" }, when(message)) : avatar(user),
    h("div", { class: "message-main" },
      !joined && h("div", { class: "byline" }, h("b", {}, user?.real_name ?? message.user), user?.is_bot && h("span", { class: "app-badge" }, "APP"), when(message)),
      body(message),
      (message.files ?? []).map((file) => fileBox(file, place.me)),
      open && message.reply_count > 0 && threadLink(message, open),
      message.ephemeral && h("button", { type: "button", class: "link small", onclick: () => dismiss(message) }, "Dismiss message")),
    toolbar(message, open));
}

/** Text or blocks, with the mark of an edit. */
function body(message) {
  const { place } = store;
  const edited = message.edited && h("span", { class: "edited", title: inFull(msOf(message.edited.ts), place.zone) }, "(edited)");
  if (!message.blocks?.length && !message.text && message.files) return edited;
  if (!message.blocks?.length) return h("div", { class: "message-body text" }, mrkdwn(message.text, place), edited && [" ", edited]);
  const surface = new Surface({
    id: `message:${message.channel}:${message.ts}`, where: { channel: message.channel, ts: message.ts, as: place.me }, place, failed: toast,
  });
  return h("div", { class: "message-body" }, drawBlocks(message.blocks, surface), edited);
}

/** The time, with the whole moment as its tip. */
const when = (message) =>
  h("time", { class: "when", title: inFull(msOf(message.ts), store.place.zone) }, clock(msOf(message.ts), store.place.zone));

/** A face made of initials; the app has its lock. */
export function avatar(user, size = "") {
  if (user?.id === store.place?.bot) return h("div", { class: `avatar bot ${size}`, "aria-hidden": "true" });
  const name = user?.real_name ?? "?";
  const initials = name.split(" ").map((word) => word[0]).join("").slice(0, 2);
  const hue = [...(user?.id ?? "")].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 8;
  return h("div", { class: `avatar hue-${hue} ${size}`, "aria-hidden": "true" }, initials);
}

/** "3 replies", marked while some of them are new. */
function threadLink(message, open) {
  const { place } = store;
  const count = `${message.reply_count} ${message.reply_count === 1 ? "reply" : "replies"}`;
  const last = slackDate(Number(message.latest_reply), "{date_short_pretty} at {time}", place);
  const unread = message.unread_replies > 0;
  return h("button", { type: "button", class: `thread-link ${unread ? "unread" : ""}`, "data-key": `thread ${message.ts}`, onclick: () => open(message) },
    message.reply_users.slice(0, 4).map((id) => avatar(place.users.get(id), "tiny")), h("b", {}, count),
    unread && h("span", { class: "badge" }, `${message.unread_replies} new`), h("small", {}, `Last reply ${last}`));
}

/** What can be done with a message: answer in its thread, use a shortcut. */
function toolbar(message, open) {
  const shortcuts = store.workspace.shortcuts.filter((shortcut) => shortcut.type === "message");
  const reply = open && !message.ephemeral && !isReply(message);
  if (message.ephemeral || (!reply && !shortcuts.length)) return null;
  return h("div", { class: "toolbar", role: "toolbar", "aria-label": "Message actions" },
    reply && h("button", { type: "button", "aria-label": "Reply in thread", title: "Reply in thread", "data-key": `reply ${message.ts}`, onclick: () => open(message) }, icon(ICONS.reply)),
    shortcuts.length > 0 && h("button", {
      type: "button", "aria-label": "More actions", title: "More actions", "aria-haspopup": "menu",
      onclick: (event) => openMenu(event.currentTarget, "More actions", shortcuts.map((shortcut) => shortcutItem(shortcut, message))),
    }, icon(ICONS.more)));
}

/** A message shortcut in the menu. */
function shortcutItem({ name, description, callback_id }, message) {
  const surface = { where: { channel: message.channel, ts: message.ts }, failed: toast, place: store.place };
  return { label: name, hint: description, run: () => perform(surface, "message_shortcut", { callback_id }) };
}

/** Tell Slack how far this person has read. */
export function markRead(channel, ts, thread_ts = "") {
  api.post("/control/read", { channel, ts, thread_ts }).catch((error) => console.error(error));
}
