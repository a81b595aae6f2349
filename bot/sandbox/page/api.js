/** The one way to the server: who acts, asking, telling, and hearing of changes. */

const listeners = new Set();
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

/** What the server says at this path, e.g. "/control/workspace". */
export async function get(path) {
  return parsed(await fetch(path));
}

/** Send JSON; `as` is the acting person unless given. */
export async function post(path, json = {}) {
  const body = JSON.stringify({ as: acting, ...json });
  return parsed(await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body }));
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

/** Act as somebody else in this window. */
export function actAs(userId) {
  acting = userId;
  sessionStorage.setItem("as", userId);
  const url = new URL(location.href);
  url.searchParams.set("as", userId);
  history.replaceState(null, "", url);
  switchTo(userId);
}

/** Show a channel, a direct message or the app ("app"); there a message of it, or of one of its threads. */
export const openChannel = (id, ts, thread) => showChannel(id, ts, thread);

/** main.js says what switching and opening do. */
export function onCommands(commands) {
  switchTo = commands.actAs;
  showChannel = commands.openChannel;
}

/** Hear the server's events for as long as the page is open. */
export function listen() {
  const feed = new EventSource(`/control/feed?as=${encodeURIComponent(acting)}`);
  feed.onmessage = (message) => tell(JSON.parse(message.data));
  feed.onerror = () => tell({ what: "offline" });
  return feed;
}
