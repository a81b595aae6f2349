/** The one way to the server: who acts, asking, telling, and hearing of changes. */

import { listen as listenTo } from "./feed.js";

const PATIENCE_MS = 30_000;
const listeners = new Set();
let round = null;
const last = { workspace: null, screen: null, messages: [], channel: null };
let acting = startAs();
let switchTo = () => {};
let showChannel = () => {};

/** The acting person of this window: the address says it, else what this window did before. */
function startAs() {
  const asked = new URLSearchParams(location.search).get("as");
  return asked || sessionStorage.getItem("as") || "U0ENG1";
}

/** Parsed JSON of an answer; throws an Error with the sentence (and `confirm`, where it asks first). */
async function parsed(response) {
  const body = await response.json().catch(() => ({ ok: false, error: `The server answered ${response.status}.` }));
  if (response.ok && body.ok !== false) return body;
  throw Object.assign(new Error(body.error || `The server answered ${response.status}.`), { body, status: response.status });
}

/** Ask, with an end to waiting; where nobody answers, the Error says it in a sentence and is `unanswered`. */
async function asked(path, silence, options = {}) {
  try {
    return await fetch(path, { ...options, signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch (error) {
    const late = `The local Slack has not answered for ${PATIENCE_MS / 1000} seconds. Look what was done before you try again.`;
    throw Object.assign(new Error(error.name === "TimeoutError" ? late : silence), { unanswered: true });
  }
}

/** What the server says at this path, e.g. "/control/workspace". */
export async function get(path) {
  return parsed(await asked(path, "The local Slack doesn't answer."));
}

/** This window's own name, kept over reloads: what is asked for here opens here. */
export function windowId() {
  const id = sessionStorage.getItem("window") ?? [...crypto.getRandomValues(new Uint32Array(3))].map((n) => n.toString(36)).join("");
  sessionStorage.setItem("window", id);
  return id;
}

/** Send JSON; `as` is the acting person unless given. With `keepalive` it arrives even if the page goes. */
export async function post(path, json = {}, { keepalive = false } = {}) {
  const body = JSON.stringify({ as: acting, window: windowId(), ...json });
  const options = { method: "POST", headers: { "Content-Type": "application/json" }, body, keepalive };
  return parsed(await asked(path, "The local Slack doesn't answer; nothing was sent.", options));
}

/** The acting person's id. */
export const me = () => acting;

/** The last state that was fetched: workspace, screen, messages of the open channel. */
export const state = () => last;

/** Call `fn(event)` after every event of the feed; returns a function that stops it. */
export function onChange(fn) {
  listeners.add(fn);
  return () => listeners.delete(fn);
}

/** Tell everybody who listens; one that fails doesn't silence the others. */
export function tell(event) {
  for (const fn of listeners) {
    Promise.resolve().then(() => fn(event)).catch((error) => console.error(error));
  }
}

/** Act as somebody else in this window; resolves once what they see is shown. */
export function actAs(userId) {
  acting = userId;
  sessionStorage.setItem("as", userId);
  const url = new URL(location.href);
  url.searchParams.set("as", userId);
  history.replaceState(null, "", url);
  return switchTo(userId);
}

/** Show a channel, a direct message or the app ("app"); there a message of it, or of one of its threads. Resolves to whether it is shown. */
export const openChannel = (id, ts, thread) => showChannel(id, ts, thread);

/** main.js says what switching and opening do. */
export function onCommands(commands) {
  switchTo = commands.actAs;
  showChannel = commands.openChannel;
}

/** Hear the server's events while the page is seen. */
export const listen = () => listenTo(hear);

/** Before the first event of another round of the demo, { what: "round" } is told: what is kept has no meaning now. */
function hear(event) {
  if (event.round !== undefined && round !== null && event.round !== round) tell({ what: "round" });
  round = event.round ?? round;
  tell(event);
}
