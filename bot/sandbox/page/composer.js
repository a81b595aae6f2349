/** Where people write: commands and names from a list, files beside the words; Enter sends, Shift+Enter is a new line. */

import * as api from "./api.js";
import { openMenu, toast } from "./dialog.js";
import { fill, freshId, h, icon, ICONS } from "./dom.js";
import { dropZone, fileRow, MOST_BYTES, packed } from "./files.js";
import { avatar } from "./messages.js";
import { escaped } from "./mrkdwn.js";
import { globalShortcuts, offersFor } from "./offers.js";
import { slackbotSays, store } from "./store.js";

const MOST_LINES_PX = 180;
const EMPTY = { text: "", files: [] };

export class Composer {
  /** `target()` is { channel, thread_ts } of now; `label` is the field's name. */
  constructor({ label, target }) {
    Object.assign(this, { label, target, at: 0, offered: null, putOff: null, drafts: new Map(), of: "", files: [] });
    const listId = freshId("offers");
    this.list = h("div", { id: listId, class: "options commands", role: "listbox", "aria-label": "Commands", hidden: true, onpointerdown: (e) => e.preventDefault() });
    this.input = h("textarea", {
      rows: 1, class: "composer-input", "aria-label": label, "data-key": `composer ${label}`, "aria-autocomplete": "list",
      role: "combobox", "aria-expanded": "false", "aria-haspopup": "listbox", "aria-controls": listId, "data-testid": label === "Message" ? "composer" : "thread-composer",
      oninput: () => this.changed(), onkeydown: (event) => this.key(event), onblur: () => this.closeList(), onpaste: (event) => this.paste(event),
    });
    this.hint = h("div", { class: "command-hint", "aria-live": "polite" });
    this.send = h("button", { type: "button", class: "send", "aria-label": "Send", title: "Send", onclick: () => this.submit() }, icon(ICONS.send));
    this.shortcuts = this.bolt();
    this.attached = h("ul", { class: "files attached", "aria-label": "Attached files", hidden: true });
    this.node = h("div", { class: "composer" }, this.list, h("div", { class: "composer-box" }, this.input, this.attached,
      h("div", { class: "composer-bar" }, this.clip(), this.shortcuts, this.hint, this.send)));
    dropZone(this.node, (files) => this.attach(files));
  }

  /** The + button that attaches files. */
  clip() {
    const pick = h("input", { type: "file", multiple: true, hidden: true, "aria-hidden": "true", tabindex: "-1", "data-testid": "attach", onchange: () => {
      this.attach([...pick.files]);
      pick.value = "";
    } });
    return [h("button", { type: "button", class: "bolt", "aria-label": "Attach files", title: "Attach files", onclick: () => pick.click() }, icon(ICONS.plus)), pick];
  }

  /** The ⚡ button with the app's global shortcuts. */
  bolt() {
    return h("button", { type: "button", "aria-label": "Shortcuts", title: "Shortcuts", "aria-haspopup": "menu", class: "bolt", onclick: (event) => {
      openMenu(event.currentTarget, "Shortcuts", globalShortcuts().map(({ name, description, callback_id }) => ({
        label: name, hint: description, run: () => this.tell("shortcut", { callback_id }),
      })));
    } }, icon(ICONS.bolt));
  }

  /** The place has changed: what was begun there comes back. */
  show(of, placeholder) {
    this.input.placeholder = placeholder;
    this.shortcuts.hidden = !globalShortcuts().length;
    if (of === this.of) return;
    this.drafts.set(this.of, { text: this.input.value, files: this.files });
    this.of = of;
    const { text, files } = this.drafts.get(of) ?? EMPTY;
    this.put(text, files);
  }

  /** Put a text into the field, and files beside it. */
  put(text, files = this.files) {
    this.files = files;
    this.drawFiles();
    this.input.value = text;
    this.changed();
    this.closeList();
  }

  /** More files go with the next message; all of them together have one limit. */
  attach(files) {
    const { channel, thread_ts } = this.target();
    const all = [...this.files, ...files];
    const most = `${MOST_BYTES / 1024 / 1024} MB`;
    if (all.reduce((sum, file) => sum + file.size, 0) > MOST_BYTES) return this.failed(`These files are too large: one message takes ${most} here.`, channel, thread_ts);
    this.files = all;
    this.drawFiles();
    this.input.focus();
  }

  drawFiles() {
    const without = (file) => this.files.filter((each) => each !== file);
    this.attached.hidden = !this.files.length;
    fill(this.attached, this.files.map((file) => fileRow(file, () => {
      this.files = without(file);
      this.drawFiles();
      this.input.focus();
    })));
    this.ready();
  }

  ready() {
    this.send.classList.toggle("ready", Boolean(this.input.value.trim() || this.files.length));
  }

  /** Files that come from the clipboard are attached. */
  paste(event) {
    if (!event.clipboardData?.files.length) return;
    event.preventDefault();
    this.attach([...event.clipboardData.files]);
  }

  /** The text has changed: grow, look for what can be offered. */
  changed() {
    this.input.style.height = "auto";
    this.input.style.height = `${Math.min(this.input.scrollHeight, MOST_LINES_PX)}px`;
    this.ready();
    const text = this.input.value;
    this.offered = store.workspace && offersFor(text, this.input.selectionStart);
    if (this.offered?.from !== this.putOff) this.putOff = null;
    const command = store.workspace?.commands.find((each) => each.command === text.split(" ")[0]);
    this.hint.textContent = command && text.includes(" ") ? `${command.command} ${command.usage_hint}` : "";
    if (this.offered && this.putOff === null) this.openList();
    else this.closeList();
  }

  /** List what is offered, by groups. */
  openList() {
    const { label, rows } = this.offered;
    this.list.setAttribute("aria-label", label);
    fill(this.list, rows.map((each, index) => [
      each.group !== rows[index - 1]?.group && h("div", { class: "options-group" }, each.group),
      h("div", {
        role: "option", class: each.user ? "option person" : "option", id: `${this.list.id}-${index}`, "aria-selected": "false",
        onclick: () => this.take(each), onpointermove: () => this.mark(index),
      }, each.user && avatar(each.user, "tiny"), h("b", {}, each.title), " ", h("span", { class: "usage" }, each.usage), h("small", {}, each.note)),
    ]));
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    this.mark(0);
  }

  /** Move the mark in the list. */
  mark(index) {
    this.at = index;
    const rows = [...this.list.querySelectorAll(".option")];
    rows.forEach((row, at) => row.setAttribute("aria-selected", String(at === index)));
    this.input.setAttribute("aria-activedescendant", rows[index]?.id ?? "");
    rows[index]?.scrollIntoView({ block: "nearest" });
  }

  closeList() {
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }

  /** Something was chosen: a word stands in the field, the caret behind it; a shortcut runs. */
  take({ word, callback_id }) {
    const { value, selectionStart } = this.input;
    const { from } = this.offered;
    if (callback_id) {
      this.put("");
      return this.tell("shortcut", { callback_id });
    }
    const after = value.slice(selectionStart).replace(/^ /, "");
    this.put(`${value.slice(0, from)}${word} ${after}`);
    this.input.focus();
    this.input.setSelectionRange(from + word.length + 1, from + word.length + 1);
  }

  /** Keys in the field, the list's first. */
  key(event) {
    if (event.isComposing) return;
    if (!this.list.hidden && this.listKey(event)) {
      event.preventDefault();
      event.stopPropagation();
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.submit();
    }
  }

  /** Arrows, Enter, Tab and Esc while the list is open; a command typed out is sent at once. */
  listKey(event) {
    const { rows, from } = this.offered;
    const chosen = rows[this.at];
    if (event.key === "ArrowDown") this.mark((this.at + 1) % rows.length);
    else if (event.key === "ArrowUp") this.mark((this.at - 1 + rows.length) % rows.length);
    else if (event.key === "Escape") {
      this.putOff = from; // until another word begins
      this.closeList();
    } else if (event.key === "Tab" && !event.shiftKey) this.take(chosen);
    else if (event.key === "Enter" && !event.shiftKey && (chosen.word !== this.input.value)) this.take(chosen);
    else return false;
    return true;
  }

  /** Send what stands there: a command to the app, anything else to the people. */
  async submit() {
    const text = this.input.value.trim();
    const isCommand = /^\/[^/]/.test(text);
    const files = isCommand ? [] : this.files;
    if (!text && !files.length) return;
    const { channel, thread_ts } = this.target();
    this.put("", isCommand ? this.files : []);
    const [command] = text.split(/\s/);
    const body = isCommand ? { command, text: text.slice(command.length).trim() } : { text: withMentions(text) };
    if (files.length) body.files = await Promise.all(files.map(packed));
    await this.tell(isCommand ? "command" : "say", { channel, ...(thread_ts ? { thread_ts } : {}), ...body }, { text, files });
  }

  /** Tell the server; what fails, Slackbot says, and the words and files come back. */
  async tell(path, body, typed = EMPTY) {
    const { channel, thread_ts } = this.target();
    try {
      const { result } = await api.post(`/control/${path}`, body);
      if (result?.error) this.failed(result.error, channel, thread_ts);
    } catch (error) {
      this.failed(error.message, channel, thread_ts);
      if (typed.text && !this.input.value) this.put(typed.text);
      if (typed.files.length && !this.files.length) this.put(this.input.value, typed.files);
    }
  }

  failed(text, channel, thread_ts) {
    if (channel) slackbotSays(escaped(text), channel, thread_ts);
    else toast(text);
  }
}

/** A person's words for Slack: escaped, with @names of people and groups as mentions. */
function withMentions(text) {
  const users = [...store.place.users.values()].map((user) => [user.name, `<@${user.id}>`]);
  const groups = [...store.place.groups.values()].map((group) => [group.handle, `<!subteam^${group.id}>`]);
  const marks = new Map([...users, ...groups]);
  return escaped(text).replace(/@([\w.-]*\w)/g, (whole, name) => marks.get(name) ?? whole);
}
