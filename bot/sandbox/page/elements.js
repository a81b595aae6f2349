/** Buttons, radio buttons, check boxes, text fields and dates: each drawn, each told to Slack. */

import { choose, press, pressEnter, typed } from "./acts.js";
import { localOf, unixOf } from "./dates.js";
import { openMenu } from "./dialog.js";
import { freshId, h, icon, ICONS } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { mrkdwn } from "./mrkdwn.js";

/** A text object: plain text, or mrkdwn. */
export function textObject(object, place) {
  if (object.type === "mrkdwn") return mrkdwn(object.text, place, { verbatim: object.verbatim });
  return document.createTextNode(object.emoji === false ? object.text : withEmoji(object.text));
}

/** A button; it turns while the app has not answered. */
export function button(element, block, surface) {
  const node = h("button", {
    type: "button", class: `button ${element.style ?? ""}`, "data-key": surface.key(block, element),
    "data-action": element.action_id, "aria-label": element.accessibility_label,
    onclick: async () => {
      if (node.getAttribute("aria-busy")) return;
      if (element.url) window.open(element.url, "_blank", "noopener");
      node.setAttribute("aria-busy", "true");
      await press(surface, block, element);
      node.removeAttribute("aria-busy");
    },
  }, textObject(element.text, surface.place));
  return node;
}

/** A button that runs a workflow: shown, and said to be elsewhere. */
export function workflowButton(element, _block, surface) {
  return h("button", { type: "button", class: `button ${element.style ?? ""}`, disabled: true }, textObject(element.text, surface.place));
}

/** The ⋯ button with its few options. */
export function overflow(element, block, surface) {
  const items = element.options.map((option) => ({
    label: withEmoji(option.text.text),
    hint: option.description?.text,
    run: () => choose(surface, block, element, option.value, {}),
  }));
  return h("button", {
    type: "button", class: "button", "aria-label": "More options", "aria-haspopup": "menu", "data-key": surface.key(block, element),
    onclick: (event) => openMenu(event.currentTarget, "More options", items),
  }, icon(ICONS.more));
}

/** Radio buttons or check boxes under one name. */
function choices(type, element, block, surface, attributes, chosen) {
  const name = freshId("choice");
  const boxes = element.options.map((option) => {
    const box = h("input", {
      type, name, value: option.value, checked: chosen(option), "data-key": `${surface.key(block, element)}|${option.value}`,
    });
    const hint = option.description && h("small", {}, textObject(option.description, surface.place));
    return { option, box, row: h("label", { class: "choice" }, box, h("span", {}, textObject(option.text, surface.place), hint)) };
  });
  const role = type === "radio" ? "radiogroup" : "group";
  const { id: _id, ...rest } = attributes;
  return { boxes, node: h("div", { role, class: "choices", ...rest }, boxes.map((each) => each.row)) };
}

/** One of several. */
export function radioButtons(element, block, surface, attributes) {
  const held = () => surface.entry(block, element)?.selected_option?.value;
  const { boxes, node } = choices("radio", element, block, surface, attributes, (option) => option.value === held());
  const redraw = () => boxes.forEach(({ box, option }) => (box.checked = option.value === held()));
  node.addEventListener("change", async (event) => {
    const option = element.options.find((each) => each.value === event.target.value);
    await choose(surface, block, element, option.value, { selected_option: option });
    redraw();
  });
  return node;
}

/** Any of several. */
export function checkboxes(element, block, surface, attributes) {
  const held = () => (surface.entry(block, element)?.selected_options ?? []).map((option) => option.value);
  const { boxes, node } = choices("checkbox", element, block, surface, attributes, (option) => held().includes(option.value));
  const redraw = () => boxes.forEach(({ box, option }) => (box.checked = held().includes(option.value)));
  node.addEventListener("change", async () => {
    const options = boxes.filter(({ box }) => box.checked).map(({ option }) => option);
    await choose(surface, block, element, options.map((option) => option.value), { selected_options: options });
    redraw();
  });
  return node;
}

const TYPES = { plain_text_input: "text", email_text_input: "email", url_text_input: "url", number_input: "text" };

/** A text field of one line or several. Enter tells the app, or sends the form. */
export function textInput(element, block, surface, attributes) {
  const many = element.multiline === true;
  const node = h(many ? "textarea" : "input", {
    ...attributes, class: "field", type: many ? null : TYPES[element.type], rows: many ? 4 : null, autocomplete: "off",
    inputmode: element.type === "number_input" ? "decimal" : null, placeholder: element.placeholder?.text ?? "",
    maxlength: element.max_length ?? 3000, value: surface.entry(block, element)?.value ?? "",
    oninput: () => typed(surface, block, element, node.value),
    onkeydown: (event) => {
      if (event.key !== "Enter" || event.isComposing || (many && !(event.ctrlKey || event.metaKey))) return;
      event.preventDefault();
      if (block.dispatch_action && !many) pressEnter(surface, block);
      else surface.submit?.();
    },
  });
  return node;
}

/** A field for formatted text: here its words, as one section. */
export function richTextInput(element, block, surface, attributes) {
  const before = surface.entry(block, element)?.rich_text_value;
  const words = (before?.elements ?? []).flatMap((part) => part.elements).map((piece) => piece.text ?? "").join("");
  const node = h("textarea", {
    ...attributes, class: "field", rows: 4, value: words, placeholder: element.placeholder?.text ?? "",
    onchange: () => {
      const section = { type: "rich_text_section", elements: node.value ? [{ type: "text", text: node.value }] : [] };
      const value = { type: "rich_text", elements: [section] };
      choose(surface, block, element, node.value ? value : null, { rich_text_value: value });
    },
  });
  return node;
}

const EARLIEST = "1900";

/**
 * A date, a time, or both; the latter in the reader's own zone. While a year is typed the field already holds the
 * years 2, 20 and 202: those are not told. `note` is said under the field.
 */
function moment(type, key, { toState = (text) => text, fromState = (value) => value, note = () => "" } = {}) {
  return (element, block, surface, attributes) => {
    const { zone } = surface.place;
    const shown = () => {
      const held = surface.entry(block, element)?.[key];
      return held ? fromState(held, zone) : "";
    };
    const tell = async () => {
      if (node.value === shown() || node.validity.badInput || (type !== "time" && node.value && node.value < EARLIEST)) return;
      const value = node.value ? toState(node.value, zone) : null;
      const took = await choose(surface, block, element, value, { [key]: value, ...(element.timezone ? { timezone: element.timezone } : {}) });
      if (!took) node.value = shown();
    };
    const node = h("input", { ...attributes, class: "field short", type, value: shown(), onchange: tell });
    const said = note(element, zone);
    return said ? h("div", {}, node, h("div", { class: "hint" }, said)) : node;
  };
}

export const datePicker = moment("date", "selected_date");
export const timePicker = moment("time", "selected_time", { note: ({ timezone }) => timezone && `In the time zone ${timezone}` });
export const dateTimePicker = moment("datetime-local", "selected_date_time", {
  toState: unixOf, fromState: localOf, note: (_element, zone) => `Your time zone: ${zone}`,
});
