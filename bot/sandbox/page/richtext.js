/** The rich_text block: sections, lists, preformatted text and quotes, with everything that stands in them. */

import { h, scrolling } from "./dom.js";
import { slackDate } from "./dates.js";
import { emoji } from "./emoji.js";
import { channelLink, groupMention, link, mention } from "./mrkdwn.js";

const PARTS = {
  rich_text_section: (part, place) => h("p", {}, written(part.elements, place)),
  rich_text_preformatted: (part, place) => scrolling("pre", "Code block", {}, written(part.elements, place)),
  rich_text_quote: (part, place) => h("blockquote", {}, written(part.elements, place)),
  rich_text_list: list,
};
const INLINE = {
  text: (piece) => piece.text,
  link: (piece, place) => link(piece.url, piece.text || piece.url, place),
  user: (piece, place) => mention(piece.user_id, place),
  usergroup: (piece, place) => groupMention(piece.usergroup_id, place),
  channel: (piece, place) => channelLink(piece.channel_id, place),
  team: (piece) => h("span", { class: "mention" }, `@${piece.team_id}`),
  emoji: (piece) => emoji(piece.name) ?? `:${piece.name}:`,
  date: (piece, place) =>
    h("time", { title: piece.fallback }, slackDate(piece.timestamp, piece.format, place)),
  broadcast: (piece) => h("span", { class: "mention" }, `@${piece.range}`),
  color: (piece) => h("code", {}, piece.value),
};
const WRAPS = { code: "code", bold: "strong", italic: "em", strike: "s", underline: "u" };

/** The whole block. */
export function richText(block, place) {
  return h("div", { class: "rich" }, block.elements.map((part) => PARTS[part.type]?.(part, place) ?? unknown(part)));
}

/** What can't be drawn is said, loudly. */
export function unknown(part) {
  return h("div", { class: "unknown-block", role: "alert" }, `This page can't draw “${part?.type}”.`);
}

/** A list; `indent` is its depth, `offset` where its numbers start. */
function list(part, place) {
  const tag = part.style === "ordered" ? "ol" : "ul";
  const items = part.elements.map((item) => h("li", {}, written(item.elements, place)));
  return h(tag, { class: `depth-${part.indent ?? 0}`, start: part.offset ? part.offset + 1 : null }, items);
}

/** Pieces of text with their styles around them. */
function written(elements, place) {
  return elements.map((piece) => {
    const drawn = INLINE[piece.type]?.(piece, place) ?? unknown(piece);
    return Object.keys(WRAPS)
      .filter((style) => piece.style?.[style])
      .reduce((inner, style) => h(WRAPS[style], {}, inner), drawn);
  });
}
