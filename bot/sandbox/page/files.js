/** Files: chosen or dropped here, kept by Slack, listed with their names; those in messages can be downloaded. */

import * as api from "./api.js";
import { choose, flush } from "./acts.js";
import { fill, h, icon, ICONS } from "./dom.js";

export const MOST_BYTES = 10 * 1024 * 1024;
const CHUNK = 0x8000;

/** "12 bytes", "3.4 kB", "9.8 MB" */
export function sizeOf(bytes) {
  if (bytes < 1024) return `${bytes} bytes`;
  return bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(1)} kB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}

/** A file as the server takes it. */
export async function packed(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += CHUNK) text += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  return { name: file.name, content_base64: btoa(text), mimetype: file.type };
}

/** Files that are dragged onto a node go to `take(files)`. */
export function dropZone(node, take) {
  const over = (event, is) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    node.classList.toggle("dropping", is);
  };
  node.addEventListener("dragover", (event) => over(event, true));
  node.addEventListener("dragleave", (event) => node.contains(event.relatedTarget) || over(event, false));
  node.addEventListener("drop", (event) => {
    over(event, false);
    take([...event.dataTransfer.files]);
  });
}

/** A name with a cross. */
export function fileRow(file, remove) {
  return h("li", {}, icon(ICONS.file), h("span", { class: "file-name" }, file.name, h("small", {}, sizeOf(file.size))),
    h("button", { type: "button", class: "plain", "aria-label": `Remove ${file.name}`, onclick: remove }, icon(ICONS.close)));
}

/** A file in a message: its name, and its bytes at a click. */
export function fileBox(file, me) {
  const href = `/control/file?as=${encodeURIComponent(me)}&id=${encodeURIComponent(file.id)}`;
  const name = file.title || file.name;
  return h("a", { class: "file", href, download: file.name, "aria-label": `Download ${file.name}`, "data-testid": "file" },
    h("span", { class: "file-sign" }, icon(ICONS.file)),
    h("span", {}, h("b", {}, name), h("small", {}, [name !== file.name && file.name, file.pretty_type, sizeOf(file.size)].filter(Boolean).join(" · "))));
}

/** The field of a form that takes files. */
export function fileInput(element, block, surface, attributes) {
  const kinds = element.filetypes ?? [];
  const most = element.max_files ?? 10;
  const held = () => surface.entry(block, element)?.files ?? [];
  const list = h("ul", { class: "files" });
  const status = h("span", { role: "status", class: "quiet" });
  const redraw = () => fill(list, held().map((file) => fileRow(file, () => remove(file))));
  const remove = async (file) => {
    const rest = held().filter((each) => each.id !== file.id);
    await choose(surface, block, element, rest, { files: rest });
    redraw();
  };
  const trouble = h("div", { role: "alert" });
  const take = async (files) => {
    fill(trouble);
    for (const file of files) {
      status.textContent = `Uploading ${file.name}…`;
      try {
        await upload(file, element, block, surface);
      } catch (error) {
        trouble.append(h("div", { class: "field-error" }, icon(ICONS.warn), h("span", {}, error.message)));
      }
    }
    status.textContent = "";
    redraw();
  };
  const pick = h("input", {
    ...attributes, type: "file", class: "file-pick", accept: kinds.map((kind) => `.${kind}`).join(",") || null, multiple: most > 1,
    onchange: async () => {
      await take([...pick.files]);
      pick.value = "";
    },
  });
  const limits = [kinds.length && kinds.map((kind) => kind.toUpperCase()).join(", "), most > 1 && `up to ${most} files`, `at most ${MOST_BYTES / 1024 / 1024} MB`];
  const zone = h("div", { class: "file-zone" }, h("span", { class: "button", "aria-hidden": "true" }, most > 1 ? "Upload files" : "Upload a file"),
    h("small", {}, limits.filter(Boolean).join(" · ")), pick);
  dropZone(zone, take);
  redraw();
  return h("div", { class: "file-input" }, zone, trouble, status, list);
}

/** Send one file's bytes. */
async function upload(file, element, block, surface) {
  await flush();
  const { result } = await api.post("/control/upload", { ...surface.where, block_id: block.block_id, ...(await checked(file)) });
  surface.remember(block, element, { files: result });
}

/** What is too large is not even read. */
async function checked(file) {
  if (file.size > MOST_BYTES) throw new Error(`${file.name} is too large: the limit is ${MOST_BYTES / 1024 / 1024} MB.`);
  return packed(file);
}
