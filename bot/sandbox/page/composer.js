/** Where people write: commands with their hints from a list, Enter sends, Shift+Enter is a new line. */

import * as api from "./api.js";
import { openMenu, toast } from "./dialog.js";
import { fill, freshId, h, icon, ICONS } from "./dom.js";
import { escaped } from "./mrkdwn.js";
import { slackbotSays, store } from "./store.js";

const MOST_LINES_PX = 180;

export class Composer {
  /** `target()` is { channel, thread_ts } of now; `label` is the field's name. */
  constructor({ label, target }) {
    Object.assign(this, { label, target, at: 0, found: [], texts: new Map(), of: "" });
    const listId = freshId("commands");
    this.list = h("div", { id: listId, class: "options commands", role: "listbox", "aria-label": "Commands", hidden: true, onpointerdown: (e) => e.preventDefault() });
    this.input = h("textarea", {
      rows: 1, class: "composer-input", "aria-label": label, "data-key": `composer ${label}`, "aria-autocomplete": "list",
      role: "combobox", "aria-expanded": "false", "aria-haspopup": "listbox", "aria-controls": listId, "data-testid": label === "Message" ? "composer" : "thread-composer",
      oninput: () => this.changed(), onkeydown: (event) => this.key(event), onblur: () => this.closeList(),
    });
    this.hint = h("div", { class: "command-hint", "aria-live": "polite" });
    this.send = h("button", { type: "button", class: "send", "aria-label": "Send", title: "Send", onclick: () => this.submit() }, icon(ICONS.send));
    this.shortcuts = label === "Message" && this.bolt();
    this.node = h("div", { class: "composer" }, this.list, h("div", { class: "composer-box" }, this.input,
      h("div", { class: "composer-bar" }, this.shortcuts, this.hint, this.send)));
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
    if (this.shortcuts) this.shortcuts.hidden = !globalShortcuts().length;
    if (of === this.of) return;
    this.texts.set(this.of, this.input.value);
    this.of = of;
    this.put(this.texts.get(of) ?? "");
  }

  /** Put a text into the field. */
  put(text) {
    this.input.value = text;
    this.changed();
    this.closeList();
  }

  /** The text has changed: grow, look for commands. */
  changed() {
    this.input.style.height = "auto";
    this.input.style.height = `${Math.min(this.input.scrollHeight, MOST_LINES_PX)}px`;
    const text = this.input.value;
    this.send.classList.toggle("ready", Boolean(text.trim()));
    const commands = store.workspace?.commands ?? [];
    const word = text.split(" ")[0];
    const typing = text.startsWith("/") && !/\s/.test(text);
    this.found = typing ? commands.filter((each) => each.command.startsWith(text)) : [];
    const known = commands.find((each) => each.command === word);
    this.hint.textContent = known && !this.found.length ? `${known.command} ${known.usage_hint}` : "";
    if (this.found.length) this.openList();
    else this.closeList();
  }

  /** List the commands that fit, with hint and description. */
  openList() {
    const app = store.place.users.get(store.place.bot)?.real_name ?? "App";
    fill(this.list, h("div", { class: "options-group" }, app), this.found.map((each, index) => h("div", {
      role: "option", class: "option", id: `${this.list.id}-${index}`, "aria-selected": "false",
      onclick: () => this.take(each), onpointermove: () => this.mark(index),
    }, h("b", {}, each.command), " ", h("span", { class: "usage" }, each.usage_hint), h("small", {}, each.description))));
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

  /** A command was chosen: it stands in the field, its hint beneath. */
  take(entry) {
    this.put(`${entry.command} `);
    this.input.focus();
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
    const count = this.found.length;
    const chosen = this.found[this.at];
    if (event.key === "ArrowDown") this.mark((this.at + 1) % count);
    else if (event.key === "ArrowUp") this.mark((this.at - 1 + count) % count);
    else if (event.key === "Escape") this.closeList();
    else if (event.key === "Tab") this.take(chosen);
    else if (event.key === "Enter" && !event.shiftKey && chosen.command !== this.input.value) this.take(chosen);
    else return false;
    return true;
  }

  /** Send what stands there: a command to the app, anything else to the people. */
  async submit() {
    const text = this.input.value.trim();
    if (!text) return;
    const { channel, thread_ts } = this.target();
    this.put("");
    const [command] = text.split(/\s/);
    const isCommand = /^\/[^/]/.test(text);
    const body = isCommand ? { command, text: text.slice(command.length).trim() } : { text: withMentions(text) };
    await this.tell(isCommand ? "command" : "say", { channel, ...(thread_ts ? { thread_ts } : {}), ...body }, text);
  }

  /** Tell the server; what fails, Slackbot says, and the words come back into the field. */
  async tell(path, body, typed = "") {
    const { channel, thread_ts } = this.target();
    try {
      const { result } = await api.post(`/control/${path}`, body);
      if (result?.error) this.failed(result.error, channel, thread_ts);
    } catch (error) {
      this.failed(error.message, channel, thread_ts);
      if (typed && !this.input.value) this.put(typed);
    }
  }

  failed(text, channel, thread_ts) {
    if (channel) slackbotSays(escaped(text), channel, thread_ts);
    else toast(text);
  }
}

/** What the app offers everywhere, without a message. */
const globalShortcuts = () => store.workspace.shortcuts.filter((shortcut) => shortcut.type === "global");

/** A person's words for Slack: escaped, with @names of people and groups as mentions. */
function withMentions(text) {
  const users = [...store.place.users.values()].map((user) => [user.name, `<@${user.id}>`]);
  const groups = [...store.place.groups.values()].map((group) => [group.handle, `<!subteam^${group.id}>`]);
  const marks = new Map([...users, ...groups]);
  return escaped(text).replace(/@([\w.-]*\w)/g, (whole, name) => marks.get(name) ?? whole);
}
