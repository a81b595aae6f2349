/** Starts the page and keeps it true: fetches what is shown whenever the feed says so, and draws it. */

import { flush } from "./acts.js";
import * as api from "./api.js";
import { drawChannel, focusComposer, forgetHome, openHome } from "./channel.js";
import { toast } from "./dialog.js";
import { drawModals, dropModals, putModalsAway } from "./modal.js";
import { drawSidebar, drawTop, showScreen, togglePane } from "./shell.js";
import { appChannel, catchUp, forgetRound, onDraw, refresh, store } from "./store.js";
import { drawStrip, forgetTrouble } from "./strip.js";
import { drawThread } from "./thread.js";

/** Everything, from what was fetched last; unchanged parts stay as they are. */
function drawAll() {
  drawTop();
  drawSidebar();
  drawChannel();
  drawThread();
  drawModals(store.screen.modals);
  drawStrip(store.trouble);
}

/** Show a channel, or the app ("app"), which gets its direct message at the first visit; true once it is shown. */
async function openChannel(id, ts, thread = null) {
  if (!(await putModalsAway())) return false;
  const isApp = id === "app" || id === appChannel()?.id;
  const fresh = isApp && appChannel()?.unread > 0; // what is new there is what one came for
  const tab = isApp && !ts && !fresh && store.workspace?.home_tab ? "home" : "messages";
  if (isApp) await openHome(tab);
  if (id === "app") await refresh();
  const target = isApp ? appChannel()?.id : id;
  if (!target) return false;
  const messages = target === store.channel ? store.messages : []; // what is shown already stays, with what is begun in it
  Object.assign(store, { channel: target, thread, tab, newFrom: null, messages });
  sessionStorage.setItem(`channel:${api.me()}`, target);
  showScreen(thread ? "thread" : "channel");
  await loadChannel();
  if (ts) point(ts, thread);
  else if (!document.activeElement?.closest(".messages, .home, #modals, #monogoto, [role=menu], [role=dialog]")) focusComposer(); // nobody is elsewhere already
  return true;
}

/** Bring a message before the eyes. */
function point(ts, thread) {
  const row = document.querySelector(`#${thread ? "thread" : "channel"} [data-ts="${CSS.escape(ts)}"]`);
  row?.scrollIntoView({ block: "center" });
  row?.classList.add("pointed");
}

/** Fetch the open channel, and note from where on it is new. */
async function loadChannel() {
  const seen = await api.get(`/control/messages?as=${encodeURIComponent(api.me())}&channel=${store.channel}`);
  store.messages = seen.messages;
  store.newFrom = seen.messages.find((message) => message.new && !message.parent_user_id)?.ts ?? null;
  await refresh();
}

/** Somebody else sits down at this window. */
async function actAs() {
  await flush(); // what was typed so far is the other person's, and waits for them
  Object.assign(store, { channel: null, thread: null, messages: [], newFrom: null });
  const slack = document.querySelector(".slack");
  slack.inert = true; // what still stands there is the other person's: a click on it would be theirs
  await refresh().finally(() => (slack.inert = false));
  showScreen(store.view === "monogoto" ? "monogoto" : "channel");
  api.tell({ what: "person" });
}

/** The demo began again: ids, numbers and hashes of the round before now mean something else. */
function startOver() {
  dropModals();
  forgetHome();
  forgetTrouble();
  forgetRound();
}

/** A link to a message that was opened in a window of its own: show it, and have a plain address again. */
async function followAddress() {
  const url = new URL(location.href);
  const [channel, ts, thread] = ["channel", "ts", "thread"].map((name) => url.searchParams.get(name));
  if (!channel) return focusComposer();
  for (const name of ["channel", "ts", "thread"]) url.searchParams.delete(name);
  history.replaceState(null, "", url);
  await openChannel(channel, ts, thread).catch((error) => toast(error.message));
}

/** Parts that stand beside Slack: an absent one is no error. */
function mountParts() {
  const mount = (file, id, then = () => {}) =>
    import(file)
      .then((part) => part.mount(document.getElementById(id), api))
      .then(then)
      .catch((error) => console.info(`${file}: ${error.message}`));
  mount("./monogoto.js", "monogoto", () => {
    document.querySelector(".pane-switch").hidden = false;
    if (localStorage.getItem("pane") && innerWidth > 760) togglePane(true);
  });
  mount("./guide.js", "guide");
}

/** From nothing to a page. */
async function start() {
  onDraw(drawAll);
  api.onCommands({ actAs, openChannel: (...where) => openChannel(...where).catch((error) => toast(error.message)) });
  api.onChange((event) => document.body.classList.toggle("offline", event.what === "offline"));
  api.onChange((event) => event.what === "round" && startOver());
  api.onChange((event) => event.what === "slack" && catchUp());
  document.addEventListener("visibilitychange", () => refresh());
  api.actAs(api.me());
  await refresh();
  await followAddress();
  mountParts();
  api.listen();
}

start();
