/** What this window shows: what was fetched last, and where the person is looking. */

import * as api from "./api.js";

export const store = {
  workspace: null, screen: null, messages: [], trouble: [], place: null,
  channel: null, thread: null, tab: "messages", view: "channel", newFrom: null,
  local: [], since: null, dismissed: new Set(JSON.parse(sessionStorage.getItem("dismissed") ?? "[]")),
};

let redraw = () => {};
let fetching = null;
let next = null;

/** main.js says what is drawn. */
export const onDraw = (fn) => (redraw = fn);

/** Draw what is known, without asking the server. */
export const draw = () => store.screen && redraw();

/** Fetch and draw; while a fetch runs, one more after it is enough for all who ask, and that is what they wait for. */
export function refresh() {
  if (fetching) return (next ??= fetching.then(() => ((next = null), refresh())));
  fetching = load()
    .then(draw)
    .catch((error) => (error.unanswered ? api.tell({ what: "offline" }) : console.error(error)))
    .finally(() => (fetching = null));
  return fetching;
}

const APART_MS = 100;
let rested = 0;
let resting = null;

/** Something happened: fetch and draw at once, but while much happens no more often than somebody can see. */
export function catchUp() {
  if (resting) return;
  const again = () => ((resting = null), (rested = performance.now() + APART_MS), refresh());
  const pause = rested - performance.now();
  if (pause <= 0) again();
  else resting = setTimeout(again, pause);
}

/** One look at everything that is shown, by the acting person. */
async function load() {
  const [me, channel] = [api.me(), store.channel];
  const as = `as=${encodeURIComponent(me)}`;
  const [workspace, screen, trouble] = await Promise.all([
    api.get("/control/workspace"), api.get(`/control/screen?${as}&window=${api.windowId()}`), api.get("/control/trouble"),
  ]);
  if (me !== api.me()) return;
  Object.assign(store, { workspace, screen, trouble: trouble.trouble, place: placeOf(workspace, screen, me) });
  store.since ??= store.place.now / 1000;
  settleChannel(screen);
  const seen = store.channel ? await api.get(`/control/messages?${as}&channel=${store.channel}`) : { messages: [] };
  if (me !== api.me()) return;
  store.messages = seen.messages;
  if (channel !== store.channel) noteNew();
  Object.assign(api.state(), { workspace, screen, messages: store.messages, channel: store.channel });
}

/** The channel that is shown must be one that the person sees. */
function settleChannel(screen) {
  const seen = (id) => screen.channels.some((channel) => channel.id === id);
  if (seen(store.channel)) return;
  const stored = sessionStorage.getItem(`channel:${api.me()}`);
  const first = screen.channels.find((channel) => channel.members.includes(api.me()) && !channel.im_with);
  store.channel = seen(stored) ? stored : (first?.id ?? null);
  store.tab = "messages";
}

/** From which message on everything is new at this visit. */
export function noteNew() {
  store.newFrom = store.messages.find((message) => message.new && !isReply(message))?.ts ?? null;
}

/** Whether a message stands in a thread only. */
export const isReply = (message) =>
  Boolean(message.thread_ts) && message.thread_ts !== message.ts && message.subtype !== "thread_broadcast";

/** What texts need to know: who reads, where they live, what time it is, and whom names stand for. */
function placeOf(workspace, screen, me) {
  const users = new Map(workspace.users.map((user) => [user.id, user]));
  users.set("USLACKBOT", { id: "USLACKBOT", name: "slackbot", real_name: "Slackbot", is_bot: true, roles: [] });
  return {
    me, users, bot: workspace.bot,
    groups: new Map(workspace.groups.map((group) => [group.id, group])),
    channels: new Map(screen.channels.map((channel) => [channel.id, channel])),
    zone: users.get(me)?.tz ?? "UTC",
    now: Date.parse(workspace.now),
    open: (id, ts, thread) => api.openChannel(id, ts, thread),
  };
}

/** The direct message between the acting person and the app, once there is one. */
export const appChannel = () => store.screen?.channels.find((channel) => channel.im_with === api.me());

/** Slackbot says something that only this person sees, in this window. */
export function slackbotSays(text, channel, thread_ts = null) {
  const latest = Math.max(store.place.now / 1000, ...store.messages.map((message) => Number(message.ts)));
  const ts = (latest + (store.local.length + 1) / 1e6).toFixed(6);
  store.local.push({ user: "USLACKBOT", ts, text, channel, thread_ts, ephemeral: true, as: api.me() });
  draw();
}

/** An ephemeral message goes away for good in this window. */
export function dismiss(message) {
  store.dismissed.add(message.ts);
  sessionStorage.setItem("dismissed", JSON.stringify([...store.dismissed]));
  draw();
}

/** Ephemeral messages live as long as the page: those from before it was opened are gone, as in Slack. */
const isFaded = (message) => message.ephemeral && Number(message.ts) < store.since;

/** The demo began again, with a clock and channels of its own. */
export function forgetRound() {
  store.dismissed.clear();
  sessionStorage.removeItem("dismissed");
  Object.assign(store, { thread: null, newFrom: null, local: [], since: null });
}

/** What stands in the open channel for this person, their own Slackbot's words included, in order. */
export function shownMessages() {
  const own = store.local.filter((message) => message.channel === store.channel && message.as === api.me());
  return [...store.messages, ...own]
    .filter((message) => !store.dismissed.has(message.ts) && !isFaded(message))
    .sort((one, other) => Number(one.ts) - Number(other.ts));
}
