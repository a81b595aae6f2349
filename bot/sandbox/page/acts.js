/** What a person does in a message, a modal or a Home, told to Slack in the order in which it was done. */

import * as api from "./api.js";
import { clearToasts, confirmed } from "./dialog.js";

const PAUSE_MS = 200;
const waiting = new Map();
let queue = Promise.resolve();

/** Do one thing after everything before it; what goes wrong is shown where it was done. */
function inTurn(work) {
  queue = queue.then(work, work);
  return queue;
}

/** Press a button: true once the app took it. */
export async function press(surface, block, element) {
  await flush();
  return perform(surface, "click", { action_id: element.action_id, block_id: block.block_id });
}

/** Pick a value; false where it did not come to be, so that the field can show what holds. */
export async function choose(surface, block, element, value, entry) {
  await flush();
  const took = await perform(surface, "choose", { block_id: block.block_id, action_id: element.action_id, value });
  if (took) surface.remember(block, element, entry);
  return took;
}

/** Type: kept here at once, told to Slack after a short pause. */
export function typed(surface, block, element, text) {
  surface.remember(block, element, { value: text });
  const key = surface.key(block, element);
  clearTimeout(waiting.get(key)?.timer);
  const told = { ...surface.where, block_id: block.block_id, text };
  const send = () => {
    if (waiting.get(key)?.send === send) waiting.delete(key); // else more was typed meanwhile, which waits
    return perform(surface, "type", { block_id: block.block_id, text });
  };
  waiting.set(key, { send, told, timer: setTimeout(() => inTurn(send), PAUSE_MS) });
}

/** The page goes: what is still waiting to be told is told without waiting for an answer, so a reload finds it. */
function tellBeforeGoing() {
  for (const { told, timer } of waiting.values()) {
    clearTimeout(timer);
    api.post("/control/type", told, { keepalive: true }).catch(() => {});
  }
  waiting.clear();
}

addEventListener("pagehide", tellBeforeGoing);

/** Enter in a field that tells the app about it. */
export async function pressEnter(surface, block) {
  await flush();
  return perform(surface, "enter", { block_id: block.block_id });
}

/** Tell Slack at once what is still waiting to be told. */
export async function flush() {
  for (const { send, timer } of [...waiting.values()]) {
    clearTimeout(timer);
    inTurn(send);
  }
  await queue;
}

/** Nothing more is told of a view that is gone. */
export function forget(prefix) {
  for (const [key, { timer }] of waiting) {
    if (!key.startsWith(prefix)) continue;
    clearTimeout(timer);
    waiting.delete(key);
  }
}

/** One act; where Slack asks "sure?" the person is asked. True once it was done and the app took it. */
export async function perform(surface, path, body) {
  clearToasts();
  try {
    const { result } = await api.post(`/control/${path}`, { ...surface.where, ...body });
    if (result?.error) surface.failed(result.error);
    return !result?.error && (result ?? true);
  } catch (error) {
    const dialog = error.body?.confirm;
    if (dialog) return (await confirmed(dialog, surface)) && perform(surface, path, { ...body, confirm: true });
    surface.failed(error.message);
    return false;
  }
}
