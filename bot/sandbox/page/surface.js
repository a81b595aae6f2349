/** Where blocks stand: a message, a modal or a Home. Knows the values in it, typed ones before stored ones. */

import { forget } from "./acts.js";

const drafts = new Map();

export class Surface {
  /** `where` goes with every act; `failed(text)` shows what went wrong; `edited(blockId)` hears of new values. */
  constructor({ id, where, place, view = null, failed, submit = null, errors = {}, edited = () => {} }) {
    Object.assign(this, { id, where, place, view, failed, submit, errors, edited });
  }

  /** The name of one field, the same after every redraw. */
  key(block, element) {
    return `${this.id}|${block.block_id}|${element.action_id ?? element.type}`;
  }

  /** The value of a field as Slack's state has it: what was done here, else what is stored, else what it began with. */
  entry(block, element) {
    const own = drafts.get(this.key(block, element));
    if (own && stillOffered(own, element)) return own;
    return this.view?.state.values[block.block_id]?.[element.action_id] ?? beginning(element);
  }

  /** A field has this value now. */
  remember(block, element, entry) {
    drafts.set(this.key(block, element), entry);
    this.edited(block.block_id);
  }
}

/** Forget everything that was typed into a view. */
export function dropDrafts(id) {
  forget(`${id}|`);
  for (const key of keysOf(id)) drafts.delete(key);
}

/** Whether somebody has typed or chosen something in a view that is lost if it closes. */
export function isTouched(view) {
  return view.blocks.filter((block) => block.type === "input").some((block) => {
    if (keysOf(view.id).some((key) => key.startsWith(`${view.id}|${block.block_id}|`))) return true;
    const held = Object.values(view.state.values[block.block_id] ?? {})[0] ?? {};
    const first = beginning(block.element);
    return Object.keys(held).some((name) => !["type", "timezone"].includes(name) && differ(held[name], first[name]));
  });
}

const keysOf = (id) => [...drafts.keys()].filter((key) => key.startsWith(`${id}|`));
const plain = (value) => JSON.stringify(value?.length === 0 ? null : (value?.value ?? value ?? null));
const differ = (one, other) => plain(one) !== plain(other);

/** Whether a choice is still among the options of an element that lists its own. */
function stillOffered(entry, element) {
  const groups = element.options ? [element] : (element.option_groups ?? []);
  if (!entry.selected_option || !groups.length) return true;
  return groups.some((group) => group.options.some((option) => option.value === entry.selected_option.value));
}

/** `initial_option` and its like, as state: `selected_option`. */
function beginning(element) {
  const given = Object.entries(element).filter(([name]) => name.startsWith("initial_"));
  return Object.fromEntries(given.map(([name, value]) => [name === "initial_value" ? "value" : name.replace("initial_", "selected_"), value]));
}
