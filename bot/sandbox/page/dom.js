/** Making elements. Whatever was typed by anybody becomes text, never markup. */

/** `h("button", { class: "x", onclick: f, "data-ts": ts }, "text", node, …)`; null and false are left out. */
export function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "value") node.value = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** An icon from path data on a 20×20 field, drawn with the text's colour. */
export function icon(path, label = "") {
  const ns = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(ns, "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("class", "icon");
  svg.setAttribute(label ? "aria-label" : "aria-hidden", label || "true");
  const line = document.createElementNS(ns, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

export const ICONS = {
  close: "M5 5l10 10M15 5L5 15",
  back: "M12 4l-6 6 6 6",
  reply: "M4 5h12v8H9l-4 3v-3H4z",
  more: "M10 3.8a.7.7 0 1 0 .01 0zM10 9.3a.7.7 0 1 0 .01 0zM10 14.8a.7.7 0 1 0 .01 0z",
  bolt: "M11 2L4 11h5l-1 7 7-9h-5z",
  send: "M3 10l14-6-5 13-3-5z",
  eye: "M2 10s3-5 8-5 8 5 8 5-3 5-8 5-8-5-8-5zM10 8a2 2 0 1 0 0 4 2 2 0 0 0 0-4",
  file: "M5 2h7l4 4v12H5zM12 2v4h4",
  picture: "M3 4h14v12H3zM3 14l4-4 3 3 3-4 4 4M7 7.5v.01",
  plus: "M10 4v12M4 10h12",
  threads: "M4 4h12M4 8h12M4 12h7M8 16h8",
  down: "M5 8l5 5 5-5",
  warn: "M10 3l8 14H2zM10 8v4M10 14.5v.01",
};

/** A number that is new each time, for ids that tie labels, lists and errors to their fields. */
let count = 0;
export const freshId = (word) => `${word}-${++count}`;

/** Replace all children. */
export function fill(node, ...children) {
  node.replaceChildren(...children.flat(Infinity).filter(Boolean));
}

/**
 * Where the focus is inside `root`, as a function that puts it back after a redraw: to the same thing, else to the
 * message that it was in, else to what holds `root`. The keyboard's place must not be lost with the node, nor what
 * is being looked for in a list.
 */
export function focusKeeper(root) {
  const active = document.activeElement;
  if (!active || !root.contains(active)) return () => {};
  const key = active.closest("[data-key]")?.dataset.key;
  const ts = active.closest("[data-ts]")?.dataset.ts;
  const [start, end] = [active.selectionStart, active.selectionEnd];
  const sought = active.matches("[role=combobox][aria-expanded=true]") ? active.value : null;
  const found = (name, value) => value && root.querySelector(`[data-${name}="${CSS.escape(value)}"]`);
  return () => {
    if (root.contains(document.activeElement)) return;
    const again = found("key", key);
    (again || found("ts", ts) || root.closest("[tabindex]") || focusable(root)[0])?.focus({ preventScroll: true });
    if (sought !== null && again?.matches("[role=combobox]")) {
      again.value = sought;
      again.dispatchEvent(new Event("input"));
    }
    if (again && typeof start === "number") again.setSelectionRange?.(start, end);
  };
}

const FOCUSABLE =
  'a[href], button:not([disabled]), input:not([disabled]), select:not([disabled]), textarea:not([disabled]), [tabindex="0"]';

/** Everything in `root` that Tab reaches. */
export function focusable(root) {
  return [...root.querySelectorAll(FOCUSABLE)].filter((node) => node.getClientRects().length);
}

/** What is wider or higher than its place is a stop for the keyboard, with a name; what fits is none. */
const overflowing = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const scrolls = target.scrollWidth > target.clientWidth + 1 || target.scrollHeight > target.clientHeight + 1;
    for (const [name, value] of [["tabindex", "0"], ["role", "region"], ["aria-label", target.dataset.label]]) {
      if (scrolls) target.setAttribute(name, value);
      else target.removeAttribute(name);
    }
  }
});

/** A box that scrolls where it must, e.g. `scrolling("pre", "Code block", {}, text)`; `label` says what is in it. */
export function scrolling(tag, label, attributes = {}, ...children) {
  const node = h(tag, { ...attributes, "data-label": label }, ...children);
  overflowing.observe(node);
  return node;
}

/** Keep Tab inside `root`. */
export function trapFocus(root) {
  root.addEventListener("keydown", (event) => {
    if (event.key !== "Tab") return;
    const stops = focusable(root);
    const last = stops.length - 1;
    const at = stops.indexOf(document.activeElement);
    const leaves = event.shiftKey ? at <= 0 : at === last;
    if (leaves) {
      event.preventDefault();
      stops[event.shiftKey ? last : 0]?.focus();
    }
  });
}

/** Say something to who listens to the page instead of looking. */
export function announce(text) {
  document.getElementById("live").textContent = text;
}

/** Make `parent` hold exactly these nodes, in this order, leaving those alone that are in place already. */
export function reconcile(parent, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...parent.childNodes]) if (!wanted.has(child)) child.remove();
  nodes.forEach((node, at) => {
    if (parent.childNodes[at] !== node) parent.insertBefore(node, parent.childNodes[at] ?? null);
  });
}
