/** A select with type-ahead: a text field, a list under it, arrows, Enter and Esc. */

import { fill, freshId, h, icon, ICONS } from "./dom.js";
import { placeUnder } from "./dialog.js";

/**
 * `find(typed)` resolves to groups [{ label, options: [{ text, description, value }] }]; `pick(option)` is told.
 * `full()` is a sentence where nothing more can be picked. `shown` is what stands in the field while nobody types; `attributes` go to the field.
 */
export class TypeAhead {
  constructor({ find, pick, full = () => "", shown = "", placeholder = "", attributes = {}, leastTyped = 0, pauseMs = 0 }) {
    Object.assign(this, { find, pick, full, shown, leastTyped, pauseMs, options: [], at: -1, asked: 0 });
    const listId = freshId("options");
    this.input = h("input", {
      ...attributes, type: "text", role: "combobox", class: "field select-field", autocomplete: "off", spellcheck: "false",
      "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": listId, placeholder, value: shown,
      onfocus: () => this.input.select(), onclick: () => this.open(""), oninput: () => this.open(this.input.value),
      onkeydown: (event) => this.key(event), onblur: () => this.close(),
    });
    this.list = h("div", { id: listId, role: "listbox", class: "options", hidden: true, onpointerdown: (e) => e.preventDefault() });
    this.node = h("div", { class: "select" }, this.input, icon(ICONS.down), this.list);
    this.moved = (event) => event.target !== this.list && this.place();
    this.sight = new IntersectionObserver(([field]) => (this.list.style.visibility = field.isIntersecting ? "" : "hidden"));
  }

  /** Show what stands chosen now. */
  show(text) {
    this.shown = text;
    if (this.list.hidden) this.input.value = text;
  }

  /** Look for what was typed and list it; a later question overtakes an earlier one. */
  open(typed) {
    const ask = ++this.asked;
    clearTimeout(this.timer);
    const full = this.full();
    if (full) return this.note(full);
    if (typed.trim().length < this.leastTyped) {
      const more = this.leastTyped - typed.trim().length;
      return this.note(`Type ${more} more character${more > 1 ? "s" : ""} to search`);
    }
    if (this.pauseMs) this.note("Looking…");
    this.timer = setTimeout(async () => {
      const groups = await this.find(typed.trim());
      if (ask === this.asked) this.draw(groups);
    }, this.pauseMs);
  }

  /** The list has a sentence instead of options. */
  note(text) {
    this.options = [];
    this.mark(-1);
    fill(this.list, h("p", { class: "quiet", role: "option", "aria-disabled": "true" }, text));
    this.reveal();
  }

  /** The options, grouped where they come in groups. */
  draw(groups) {
    this.options = groups.flatMap((group) => group.options);
    if (!this.options.length) return this.note("No results");
    let index = 0;
    const row = (option) => this.row(option, index++);
    fill(this.list, groups.map((group) => [
      group.label && h("div", { class: "options-group" }, group.label),
      group.options.map(row),
    ]));
    this.reveal();
    this.mark(Math.max(0, this.options.findIndex((option) => option.text.text === this.shown)));
  }

  /** One option. */
  row(option, index) {
    return h("div", {
      role: "option", id: `${this.list.id}-${index}`, class: "option", "aria-selected": "false", "data-value": option.value,
      onclick: () => this.take(option), onpointermove: () => this.mark(index),
    }, option.text.text, option.description && h("small", {}, option.description.text));
  }

  /** Open the list under the field. */
  reveal() {
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    addEventListener("resize", this.moved);
    document.addEventListener("scroll", this.moved, true);
    this.sight.observe(this.input);
    this.place();
  }

  /** Keep to the field, out of sight with it: the form scrolls, news move the channel, a phone's keyboard comes up. */
  place() {
    if (!this.input.isConnected) return this.close(); // not every browser tells a removed field that it lost the focus
    this.list.style.width = `${this.input.offsetWidth}px`;
    placeUnder(this.list, this.input);
  }

  /** Move the mark to an option. */
  mark(index) {
    this.at = index;
    const rows = this.list.querySelectorAll(".option");
    rows.forEach((row, at) => row.setAttribute("aria-selected", String(at === index)));
    if (rows[index]) this.input.setAttribute("aria-activedescendant", rows[index].id);
    else this.input.removeAttribute("aria-activedescendant");
    rows[index]?.scrollIntoView({ block: "nearest" });
  }

  /** Arrows move, Enter takes, Esc closes the list and nothing else; what is out of sight only comes back into it. */
  key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const takes = event.key === "Enter" && !event.ctrlKey && !event.metaKey && !this.list.hidden; // Ctrl+Enter sends the form
    if ((step || takes) && this.list.style.visibility) this.input.scrollIntoView({ block: "nearest" });
    else if (step && this.list.hidden) this.open("");
    else if (step) this.mark((this.at + step + this.options.length) % Math.max(1, this.options.length));
    else if (takes) this.options[this.at] && this.take(this.options[this.at]);
    else if (event.key === "Escape" && !this.list.hidden) this.close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** An option was chosen. */
  take(option) {
    this.shown = option.text.text;
    this.close();
    this.pick(option);
  }

  /** Close the list; what was typed and not chosen is no value. */
  close() {
    this.asked++;
    clearTimeout(this.timer);
    removeEventListener("resize", this.moved);
    document.removeEventListener("scroll", this.moved, true);
    this.sight.disconnect();
    this.list.style.visibility = "";
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
    this.input.value = this.shown;
  }
}

/** Words without the difference between capitals and accents: who types "chloe" means Chloé. */
export const folded = (words) => words.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

/** Groups of the options whose text or description holds what was typed. */
export function matching(groups, typed) {
  const wanted = folded(typed);
  const fits = (option) => folded(`${option.text.text} ${option.description?.text ?? ""}`).includes(wanted);
  return groups
    .map((group) => ({ label: group.label, options: group.options.filter(fits) }))
    .filter((group) => group.options.length);
}
