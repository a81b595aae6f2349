/** The markdown block: headings, lists, quotes, code and the marks inside a line, as nodes. */

import { h, scrolling } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { link } from "./mrkdwn.js";

const INLINE = /`([^`]+)`|\*\*(.+?)\*\*|__(.+?)__|~~(.+?)~~|(?<!\w)[*_](\S.*?)[*_](?!\w)|\[([^\]]+)\]\((\S+?)\)/g;
const LINES = [
  [/^(#{1,6}) (.*)$/, (match) => h("h3", { class: "header" }, inline(match[2]))],
  [/^\s*[-*+] (.*)$/, (match) => h("li", {}, inline(match[1]))],
  [/^\s*(\d+)[.)] (.*)$/, (match) => h("li", { class: "numbered", value: match[1] }, inline(match[2]))],
  [/^> ?(.*)$/, (match) => h("blockquote", {}, inline(match[1]))],
  [/^(-{3,}|\*{3,})$/, () => h("hr")],
];

/** A whole text. */
export function markdown(text) {
  const parts = text.split(/^```\w*\n([\s\S]*?)\n```$/gm);
  const nodes = parts.flatMap((part, index) => (index % 2 ? [scrolling("pre", "Code block", {}, part)] : part.split("\n").map(line)));
  return h("div", { class: "rich" }, nodes);
}

/** One line. */
function line(text) {
  for (const [pattern, draw] of LINES) {
    const match = text.match(pattern);
    if (match) return draw(match);
  }
  return text.trim() ? h("p", {}, inline(text)) : null;
}

/** The marks inside a line. */
function inline(text) {
  const nodes = [];
  let at = 0;
  for (const match of text.matchAll(INLINE)) {
    const [whole, code, strong, alsoStrong, struck, slanted, label, url] = match;
    nodes.push(withEmoji(text.slice(at, match.index)));
    at = match.index + whole.length;
    if (code) nodes.push(h("code", {}, code));
    else if (strong || alsoStrong) nodes.push(h("strong", {}, inline(strong || alsoStrong)));
    else if (struck) nodes.push(h("s", {}, inline(struck)));
    else if (slanted) nodes.push(h("em", {}, inline(slanted)));
    else nodes.push(link(url, label));
  }
  return [...nodes, withEmoji(text.slice(at))];
}
