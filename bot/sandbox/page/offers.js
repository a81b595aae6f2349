/** What a composer offers for what stands before the caret: commands and shortcuts after `/`, names after `@`. */

import { folded } from "./select.js";
import { store } from "./store.js";

const MOST_NAMES = 12;
const NAMED = /(?:^|[\s(])@([^@\n]{0,40})$/;

/**
 * `{ label, from, rows }`, null where there is nothing to offer. `from` is where the word begins. A row has a
 * `group`, a `title`, a `usage` and a `note`, and either a `word` to put there or a `callback_id` to run.
 */
export function offersFor(text, caret) {
  return commandsFor(text) ?? namesFor(text.slice(0, caret));
}

/** The app's commands that begin so, and its shortcuts whose name has what was typed. */
function commandsFor(text) {
  if (!/^\/\S*$/.test(text)) return null;
  const app = store.place.users.get(store.place.bot)?.real_name ?? "App";
  const commands = store.workspace.commands
    .filter((each) => each.command.startsWith(text))
    .map((each) => ({ group: app, title: each.command, usage: each.usage_hint, note: each.description, word: each.command }));
  const shortcuts = globalShortcuts()
    .filter((each) => begins(each.name, folded(text.slice(1))))
    .map((each) => ({ group: "Shortcuts", title: each.name, usage: "", note: each.description, callback_id: each.callback_id }));
  return some("Commands", 0, [...commands, ...shortcuts]);
}

/** People and user groups of that name. */
function namesFor(before) {
  const found = before.match(NAMED);
  if (!found) return null;
  const typed = folded(found[1]);
  const from = before.length - found[1].length - 1;
  const groups = [...store.place.groups.values()].filter((group) => begins(group.name, typed) || begins(group.handle, typed)).map((group) =>
    ({ group: "User groups", title: group.name, usage: `@${group.handle}`, note: `${group.users.length} members`, word: `@${group.handle}` }));
  const people = [...store.place.users.values()]
    .filter((user) => user.name && !user.deleted && user.id !== "USLACKBOT" && (begins(user.real_name, typed) || begins(user.name, typed)))
    .sort((one, other) => one.real_name.localeCompare(other.real_name))
    .map((user) => ({ group: "People", title: user.real_name, usage: `@${user.name}`, note: whoIs(user), word: `@${user.name}`, user }));
  return some("People and groups", from, [...people, ...groups].slice(0, MOST_NAMES));
}

const some = (label, from, rows) => (rows.length ? { label, from, rows } : null);

/** What the app offers everywhere, without a message. */
export const globalShortcuts = () => store.workspace.shortcuts.filter((shortcut) => shortcut.type === "global");

const whoIs = (user) => [user.id === store.place.me && "you", user.id === store.place.bot && "app"].filter(Boolean).join(", ");

/** Whether the whole name, or a word of it, begins with what was typed. */
function begins(name, typed) {
  const whole = folded(name);
  return whole.startsWith(typed) || whole.split(/[\s._-]+/).some((word) => word.startsWith(typed));
}
