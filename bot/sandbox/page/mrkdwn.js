/** Slack's mrkdwn as nodes. Every leaf is a text node, so nothing that was typed can become markup. */

import { h, scrolling } from "./dom.js";
import { slackDate } from "./dates.js";
import { emoji } from "./emoji.js";

const ENTITIES = { "&lt;": "<", "&gt;": ">", "&amp;": "&" };
const STYLES = { "*": "strong", _: "em", "~": "s" };
// A mark with a word joiner (U+2060) behind it stands for itself: so the bot writes the marks in what people typed.
const INLINE =
  /`(?!\u2060)((?:`\u2060|[^`\n])+)`(?!\u2060)|<([^<>\n]+)>|:([a-z0-9_+-]+):|(?<![\p{L}\p{N}])([*_~])(?!\u2060)(?=\S)((?:<[^<>\n]+>|`(?!\u2060)(?:`\u2060|[^`\n])+`(?!\u2060)|[*_~`]\u2060|(?!\4)[^\n<`])+)(?<=\S)\4(?![\u2060\p{L}\p{N}])|(https?:\/\/[^\s<>|]+[^\s<>|.,;:!?)\]])/gu;

/** Slack's three escapes back to what they stand for. */
export const unescaped = (text) => text.replace(/&(?:lt|gt|amp);/g, (entity) => ENTITIES[entity]);

/** A person's words on their way to Slack: the three characters that mean something there are escaped. */
export const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

/** mrkdwn as a fragment. `place` knows users, groups, channels, the reader, the zone and the time. */
export function mrkdwn(text, place, { verbatim = false } = {}) {
  const out = document.createDocumentFragment();
  text.split(/```\n?([\s\S]+?)\n?```/g).forEach((part, index) => {
    if (index % 2) out.append(scrolling("pre", "Code block", {}, leaf(part, place)));
    else if (part) out.append(...paragraphs(part, place, verbatim));
  });
  return out;
}

/** Lines, those that open with > together as a quote. */
function paragraphs(text, place, verbatim) {
  const nodes = [];
  const groups = text.match(/(?:^(?:&gt;|>) ?.*(?:\n|$))+|(?:^(?!&gt;|>).*(?:\n|$))+/gm) ?? [];
  for (const group of groups.filter(Boolean)) {
    if (!/^(&gt;|>)/.test(group)) nodes.push(...inline(group, place, verbatim));
    else nodes.push(h("blockquote", {}, inline(group.replace(/^(?:&gt;|>) ?/gm, "").replace(/\n$/, ""), place, verbatim)));
  }
  return nodes;
}

/** Marks inside a line. */
function inline(text, place, verbatim) {
  const nodes = [];
  let at = 0;
  for (const match of text.matchAll(INLINE)) {
    const [whole, code, token, name, mark, marked, url] = match;
    nodes.push(unescaped(text.slice(at, match.index)));
    at = match.index + whole.length;
    if (code) nodes.push(h("code", {}, leaf(code, place)));
    else if (token) nodes.push(reference(token, place, match.index === 0));
    else if (name) nodes.push(emoji(name) ?? whole);
    else if (mark) nodes.push(h(STYLES[mark], {}, inline(marked, place, verbatim)));
    else nodes.push(verbatim ? unescaped(url) : link(unescaped(url), unescaped(url), place));
  }
  nodes.push(unescaped(text.slice(at)));
  return nodes.filter((node) => node !== "");
}

/** Text in code: references in it are drawn, marks are not. */
function leaf(text, place) {
  return text.split(/<([^<>\n]+)>/g).map((part, index) => (index % 2 ? reference(part, place) : unescaped(part)));
}

/** What stands between < and >: a mention, a channel, a date or a link. */
function reference(token, place, opensText = false) {
  const [target, label = ""] = token.split(/\|(.*)/s);
  if (target.startsWith("@")) return mention(target.slice(1), place);
  if (target.startsWith("#")) return channelLink(target.slice(1), place);
  if (target.startsWith("!subteam^")) return groupMention(target.slice(9), place);
  if (target.startsWith("!date^")) return date(target, unescaped(label), place, opensText);
  if (target.startsWith("!")) return h("span", { class: "mention" }, `@${target.slice(1).split("^")[0]}`);
  return link(unescaped(target), unescaped(label || target), place);
}

/** A person, by the name that they have here. */
export function mention(id, place) {
  const user = place.users.get(id);
  const mine = id === place.me ? " mention-me" : "";
  return h("span", { class: `mention${mine}`, "data-user": id }, `@${user ? user.real_name : id}`);
}

/** A user group, by its handle. */
export function groupMention(id, place) {
  const group = place.groups.get(id);
  const mine = group?.users.includes(place.me) ? " mention-me" : "";
  return h("span", { class: `mention${mine}`, "data-group": id }, `@${group ? group.handle : id}`);
}

/** A channel that opens; only its id, where the reader doesn't see it. */
export function channelLink(id, place) {
  const channel = place.channels.get(id);
  if (!channel) return h("span", { class: "mention" }, "#private-channel");
  return h("button", { type: "button", class: "mention link", onclick: () => place.open(id) }, `#${channel.name}`);
}

/** A date token in the reader's zone. */
function date(target, fallback, place, opensText) {
  const [, unix, pattern, url] = target.split("^");
  const text = Number.isFinite(Number(unix)) ? slackDate(Number(unix), pattern, place, opensText) : fallback;
  const node = h("time", { title: fallback }, text);
  return url ? link(unescaped(url), node) : node;
}

const PERMALINK = /^https:\/\/[\w-]+\.slack\.com\/archives\/(\w+)\/p(\d{10})(\d{6})(?:\?thread_ts=([\d.]+))?/;

/** Where this page itself shows a message: its real address would leave the machine. */
function addressOf(me, channel, ts, thread) {
  return `/?${new URLSearchParams({ as: me, channel, ts, ...(thread ? { thread } : {}) })}`;
}

/** A link out, for addresses that a browser may follow; a message of this Slack opens here; else text. */
export function link(url, content, place) {
  const message = place && url.match(PERMALINK);
  if (message) {
    const [, channel, seconds, micros, thread] = message;
    const ts = `${seconds}.${micros}`;
    const go = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return; // a new tab or window, as everywhere
      event.preventDefault();
      place.open(channel, ts, thread);
    };
    return h("a", { href: addressOf(place.me, channel, ts, thread), onclick: go }, content);
  }
  if (!/^(https?|mailto|tel):/i.test(url)) return h("span", {}, content);
  return h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, content);
}
