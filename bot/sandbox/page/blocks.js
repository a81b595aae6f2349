/** THE table of block and element types, each with what draws it. What it doesn't know is a loud red box. */

import * as elements from "./elements.js";
import { freshId, h, icon, ICONS, scrolling } from "./dom.js";
import { fileInput } from "./files.js";
import { markdown } from "./markdown.js";
import { selectMany, selectOne } from "./pickers.js";
import { richText, unknown } from "./richtext.js";

const { textObject } = elements;

/** Block type → (block, surface) → node. */
export const BLOCKS = {
  actions: (block, surface) => h("div", { class: "actions" }, block.elements.map((each) => element(each, block, surface))),
  alert,
  card,
  context,
  divider: () => h("hr"),
  header: (block, surface) => h("h3", { class: "header" }, textObject(block.text, surface.place)),
  image: (block) => picture(block),
  input,
  markdown: (block, surface) => markdown(block.text, surface.place),
  rich_text: (block, surface) => richText(block, surface.place),
  section,
  table,
  video: (block, surface) => h("figure", { class: "video" }, picture({ ...block, title: null }), h("figcaption", {}, textObject(block.title, surface.place))),
};

/** Element type → (element, block, surface, attributes of its field) → node. */
export const ELEMENTS = {
  button: elements.button,
  channels_select: selectOne,
  checkboxes: elements.checkboxes,
  conversations_select: selectOne,
  datepicker: elements.datePicker,
  datetimepicker: elements.dateTimePicker,
  email_text_input: elements.textInput,
  external_select: selectOne,
  file_input: fileInput,
  image: (each) => picture(each),
  mrkdwn: (each, _block, surface) => textObject(each, surface.place),
  multi_channels_select: selectMany,
  multi_conversations_select: selectMany,
  multi_external_select: selectMany,
  multi_static_select: selectMany,
  multi_users_select: selectMany,
  number_input: elements.textInput,
  overflow: elements.overflow,
  plain_text: (each, _block, surface) => textObject(each, surface.place),
  plain_text_input: elements.textInput,
  radio_buttons: elements.radioButtons,
  rich_text_input: elements.richTextInput,
  static_select: selectOne,
  timepicker: elements.timePicker,
  url_text_input: elements.textInput,
  users_select: selectOne,
  workflow_button: elements.workflowButton,
};

/** All blocks of a message or a view. */
export function drawBlocks(blocks, surface) {
  return blocks.map((block) => {
    const draw = Object.hasOwn(BLOCKS, block.type) ? BLOCKS[block.type] : unknown;
    return h("div", { class: `block block-${block.type}`, "data-block": block.block_id }, draw(block, surface));
  });
}

/** One element, with the attributes that tie it to its label. */
function element(each, block, surface, attributes) {
  if (!Object.hasOwn(ELEMENTS, each.type)) return unknown(each);
  const label = each.placeholder?.text ?? each.accessibility_label ?? each.type.replaceAll("_", " ");
  const own = { "aria-label": label, "data-key": surface.key(block, each) };
  return ELEMENTS[each.type](each, block, surface, attributes ?? own);
}

/** Text and fields, with something on the right. */
function section(block, surface) {
  const { place } = surface;
  return h("div", { class: "section" },
    h("div", { class: "section-text" },
      block.text && h("div", { class: "text" }, textObject(block.text, place)),
      block.fields && h("div", { class: "section-fields" }, block.fields.map((field) => h("div", { class: "text" }, textObject(field, place))))),
    block.accessory && h("div", { class: "accessory" }, element(block.accessory, block, surface)));
}

/** Small print. */
function context(block, surface) {
  return h("div", { class: "context" }, block.elements.map((each) => h("span", { class: `context-${each.type}` }, element(each, block, surface))));
}

/** A field with its label, hint and error, tied together for whoever doesn't see them side by side. */
function input(block, surface) {
  const [id, hintId, errorId] = [freshId("field"), freshId("hint"), freshId("error")];
  const error = surface.errors?.[block.block_id];
  const describes = [block.hint && hintId, error && errorId].filter(Boolean).join(" ");
  const group = ["radio_buttons", "checkboxes"].includes(block.element.type);
  const attributes = {
    id, "aria-describedby": describes || null, "aria-invalid": error ? "true" : null, "aria-required": block.optional ? null : "true",
    "data-key": surface.key(block, block.element), ...(group ? { "aria-labelledby": `${id}-label` } : {}),
  };
  const label = h(group ? "div" : "label", { id: `${id}-label`, for: group ? null : id, class: "label" },
    textObject(block.label, surface.place), block.optional && h("span", { class: "optional" }, " (optional)"));
  return h("div", { class: `input ${error ? "has-error" : ""}` }, label,
    element(block.element, block, surface, attributes),
    error && h("div", { id: errorId, class: "field-error", role: "alert" }, icon(ICONS.warn), h("span", {}, error)),
    block.hint && h("div", { id: hintId, class: "hint" }, textObject(block.hint, surface.place)));
}

/** A picture. Ones from outside are named, not loaded: this page asks nobody but its own server. */
function picture(block) {
  const url = block.image_url ?? block.thumbnail_url ?? block.slack_file?.url ?? "";
  const here = url.startsWith("data:image/") || url.startsWith(`${location.origin}/`);
  return h("figure", { class: "image" },
    block.title && h("figcaption", {}, block.title.text),
    here ? h("img", { src: url, alt: block.alt_text }) : elsewhere(block.alt_text, url));
}

/** What stands for a picture that is not fetched: what it shows, and where it is. */
function elsewhere(alt, url) {
  const host = URL.canParse(url) ? `on ${new URL(url).host}` : "with Slack";
  return h("div", { class: "image-outside", role: "img", "aria-label": alt }, icon(ICONS.picture),
    h("span", {}, alt, h("small", {}, `A picture ${host}: not fetched, this page asks nobody but its own server.`)));
}

/** A card: icon, title, lines, and up to three buttons. */
function card(block, surface) {
  const line = (name) => block[name] && h("div", { class: `card-${name}` }, textObject(block[name], surface.place));
  return h("div", { class: "card" },
    block.hero_image && picture(block.hero_image),
    h("div", { class: "card-head" }, block.icon && picture(block.icon), h("div", {}, line("title"), line("subtitle"))),
    line("body"),
    block.actions && h("div", { class: "actions" }, block.actions.map((each) => element(each, block, surface))));
}

/** A coloured sentence in a modal. */
function alert(block, surface) {
  const level = block.level ?? "default";
  return h("div", { class: `alert alert-${level}`, role: level === "error" ? "alert" : "note" }, textObject(block.text, surface.place));
}

/** A table; its first row is the head. */
function table(block, surface) {
  const align = (at) => `cell-${block.column_settings?.[at]?.align ?? "left"}`;
  const content = (cell) => (cell.type === "raw_text" ? cell.text : cell.type === "rich_text" ? richText(cell, surface.place) : unknown(cell));
  const row = (cells, tag) => h("tr", {}, cells.map((cell, at) => h(tag, { class: align(at) }, content(cell))));
  const [head, ...rest] = block.rows;
  return scrolling("div", "Table", { class: "table" },
    h("table", {}, h("thead", {}, row(head, "th")), h("tbody", {}, rest.map((cells) => row(cells, "td")))));
}
