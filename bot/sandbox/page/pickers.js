/** Selects of all kinds: static, external, people, channels; one value or several. */

import * as api from "./api.js";
import { choose } from "./acts.js";
import { fill, h, icon, ICONS } from "./dom.js";
import { matching, TypeAhead } from "./select.js";

const EXTERNAL_PAUSE_MS = 250;
const EXTERNAL_LEAST = 3;
const option = (value, text) => ({ value, text: { text } });

const people = (place) => [...place.users.values()].filter((user) => !user.deleted && user.id !== "USLACKBOT").map((user) => option(user.id, user.real_name));
const channels = (place) =>
  [...place.channels.values()].filter((channel) => !channel.im_with).map((channel) => option(channel.id, `#${channel.name}`));

/** Where the options of a kind come from. */
const SOURCES = {
  static: (element) => groupsOf(element),
  users: (_element, place) => [{ options: people(place) }],
  channels: (_element, place) => [{ options: channels(place) }],
  conversations: (element, place) => [{ options: conversations(element.filter ?? {}, place) }],
};

/** Channels and people, as far as the element's filter lets them through. */
function conversations({ include = ["public", "private", "im"], exclude_bot_users, exclude_external_shared_channels }, place) {
  const kept = channels(place).filter(({ value }) => {
    const channel = place.channels.get(value);
    return include.includes(channel.is_private ? "private" : "public") && !(exclude_external_shared_channels && channel.is_ext_shared);
  });
  const named = include.includes("im") ? people(place).filter(({ value }) => !(exclude_bot_users && place.users.get(value).is_bot)) : [];
  return [...kept, ...named];
}

const SINGULAR = { static: "option", external: "option", users: "user", channels: "channel", conversations: "conversation" };

/** The options of a static select, in its groups. */
function groupsOf(element) {
  if (element.options) return [{ options: element.options }];
  return element.option_groups.map((group) => ({ label: group.label.text, options: group.options }));
}

/** "users" of "multi_users_select" */
const kindOf = (element) => element.type.replace("multi_", "").replace("_select", "");

/** The way to look for options: here, or by asking the app. */
function finder(element, block, surface) {
  const source = SOURCES[kindOf(element)];
  if (source) return async (typed) => matching(source(element, surface.place), typed);
  return async (text) => {
    try {
      const asked = { ...surface.where, block_id: block.block_id, action_id: element.action_id, text };
      const { result } = await api.post("/control/suggest", asked);
      return result.map((group) => ({ label: group.label?.text, options: group.options }));
    } catch (error) {
      surface.failed(error.message);
      return [];
    }
  };
}

/** What both kinds of select give to the field. */
function common(element, block, surface, attributes) {
  const external = kindOf(element) === "external";
  return {
    find: finder(element, block, surface),
    placeholder: element.placeholder?.text ?? "Choose an option",
    leastTyped: external ? (element.min_query_length ?? EXTERNAL_LEAST) : 0,
    pauseMs: external ? EXTERNAL_PAUSE_MS : 0,
    attributes,
  };
}

/** The text of a value that is an id (a person's, a channel's) or an option. */
function labelOf(value, element, place) {
  if (!value) return "";
  if (typeof value === "object") return value.text.text;
  const all = (SOURCES[kindOf(element)]?.(element, place) ?? []).flatMap((group) => group.options);
  return all.find((each) => each.value === value)?.text.text ?? value;
}

/** What Slack is told of an option: external ones whole, others by value. */
const toldOf = (picked, element) => (kindOf(element) === "external" ? picked : picked.value);
/** What the state holds of an option. */
const heldOf = (picked, element) => (SINGULAR[kindOf(element)] === "option" ? picked : picked.value);

/** A select of one value. */
export function selectOne(element, block, surface, attributes) {
  const key = `selected_${SINGULAR[kindOf(element)]}`;
  const held = () => labelOf(surface.entry(block, element)?.[key], element, surface.place);
  const field = new TypeAhead({
    ...common(element, block, surface, attributes),
    shown: held(),
    pick: async (picked) => {
      await choose(surface, block, element, toldOf(picked, element), { [key]: heldOf(picked, element) });
      field.show(held());
    },
  });
  return field.node;
}

/** A select of several values: chips before the field, each with a cross. */
export function selectMany(element, block, surface, attributes) {
  const key = `selected_${SINGULAR[kindOf(element)]}s`;
  const held = () => surface.entry(block, element)?.[key] ?? [];
  const told = (value) => (typeof value === "object" && kindOf(element) !== "external" ? value.value : value);
  const set = async (values) => {
    await choose(surface, block, element, values.map(told), { [key]: values });
    drawChips();
  };
  const same = (one, other) => told(one)?.value === told(other)?.value && JSON.stringify(told(one)) === JSON.stringify(told(other));
  const most = element.max_selected_items ?? Infinity;
  const field = new TypeAhead({
    ...common(element, block, surface, attributes),
    full: () => (held().length >= most ? `Only ${most} can be chosen here` : ""),
    pick: (picked) => {
      const value = heldOf(picked, element);
      field.show("");
      if (!held().some((each) => same(each, value))) set([...held(), value]);
    },
  });
  const chips = h("div", { class: "chips" });
  const drawChips = () => fill(chips, held().map((value) => chip(labelOf(value, element, surface.place), () =>
    set(held().filter((each) => !same(each, value))))));
  field.input.addEventListener("keydown", (event) => {
    if (event.key === "Backspace" && !field.input.value && held().length) set(held().slice(0, -1));
  });
  drawChips();
  return h("div", { class: "select-many" }, chips, field.node);
}

/** One chosen value. */
function chip(label, remove) {
  return h("span", { class: "chip" }, label,
    h("button", { type: "button", class: "plain", "aria-label": `Remove ${label}`, onclick: remove }, icon(ICONS.close)));
}
