/** The middle: a channel with its messages, or the app with its Home and Messages tabs. */

import * as api from "./api.js";
import { drawBlocks } from "./blocks.js";
import { Composer } from "./composer.js";
import { toast } from "./dialog.js";
import { fill, focusKeeper, h } from "./dom.js";
import { markRead, MessageList } from "./messages.js";
import { backButton } from "./shell.js";
import { openThread } from "./thread.js";
import { draw, isReply, refresh, shownMessages, store } from "./store.js";
import { Surface } from "./surface.js";

let parts = null;

/** The parts, made once, so that what is being written and read stays. */
function make() {
  const node = document.getElementById("channel");
  const rows = h("div", { class: "messages", role: "log", "aria-label": "Messages", "aria-live": "off" });
  const intro = h("div", { class: "intro" });
  const composer = new Composer({ label: "Message", target: () => ({ channel: store.channel }) });
  const found = {
    head: h("header", { class: "pane-head" }),
    tabs: h("div", { class: "tabs", role: "tablist", "aria-label": "App" }),
    home: h("div", { class: "home", role: "tabpanel", "aria-label": "Home", tabindex: "-1" }),
    scroller: h("div", { class: "scroller", tabindex: "-1" }, intro, rows),
    foot: h("div", { class: "pane-foot" }),
    intro, composer, list: new MessageList(rows, openThread), homeHash: "",
  };
  fill(node, found.head, found.tabs, found.home, found.scroller, found.foot);
  return found;
}

/** Draw what the person is looking at. */
export function drawChannel() {
  parts ??= make();
  const channel = store.place.channels.get(store.channel);
  if (!channel) return;
  const isApp = channel.im_with !== null;
  const atHome = isApp && store.tab === "home";
  drawHead(channel, isApp);
  drawTabs(isApp);
  parts.home.hidden = !atHome;
  parts.scroller.hidden = parts.foot.hidden = atHome;
  if (atHome) return drawHome();
  const messages = shownMessages().filter((message) => !isReply(message));
  drawIntro(channel, isApp);
  drawFoot(channel, isApp); // before the list: it takes room from what the list scrolls in
  parts.list.draw(channel.id, messages);
  readIt(channel, store.messages.filter((message) => !isReply(message)));
}

/** Name, kind and size of the channel. */
function drawHead(channel, isApp) {
  const name = isApp ? store.place.users.get(store.place.bot).real_name : channel.name;
  const refocus = focusKeeper(parts.head);
  fill(parts.head, backButton("sidebar", "Back to the channels", () => (store.thread = null)),
    h("h1", {}, isApp ? "" : h("span", { class: "sign" }, channel.is_private ? "🔒 " : "# "), name),
    !isApp && h("small", {}, `${channel.members.length} members`),
    channel.is_ext_shared && h("small", { class: "shared" }, "shared with another company"));
  refocus();
}

/** Home and Messages of the app, as far as it has them. */
function drawTabs(isApp) {
  const names = [...(store.workspace.home_tab ? ["home"] : []), "messages"];
  parts.tabs.hidden = !isApp;
  const refocus = focusKeeper(parts.tabs);
  fill(parts.tabs, isApp && names.map((name) => h("button", {
    type: "button", role: "tab", "data-key": `tab ${name}`, "aria-selected": String(store.tab === name), onclick: () => showTab(name),
  }, name === "home" ? "Home" : "Messages")));
  refocus();
}

/** Switch tabs; the app hears of every visit. */
export async function showTab(name) {
  store.tab = name;
  draw();
  await openHome(name);
}

/** Tell the app that one of its tabs is looked at. */
export async function openHome(tab) {
  try {
    const { result } = await api.post("/control/open_home", { tab });
    if (result?.error) toast(result.error);
  } catch (error) {
    toast(error.message);
  }
}

/** The Home as the app published it for this person. */
function drawHome() {
  const view = store.screen.home;
  const sign = view ? `${view.id} ${view.hash}` : `none ${api.me()}`;
  if (sign === parts.homeHash) return;
  parts.homeHash = sign;
  const empty = h("p", { class: "quiet empty" }, "This app has nothing on its Home for you yet.");
  const surface = view && new Surface({ id: view.id, where: { view_id: view.id, as: store.place.me }, place: store.place, view, failed: toast });
  const refocus = focusKeeper(parts.home);
  fill(parts.home, view?.blocks.length ? h("div", { class: "home-blocks" }, drawBlocks(view.blocks, surface)) : empty);
  refocus();
}

/** The Home that is shown belongs to nobody any more: draw the next one, whatever its hash. */
export const forgetHome = () => parts && (parts.homeHash = "");

/** What stands over the first message. */
function drawIntro(channel, isApp) {
  const text = isApp
    ? "This is the very beginning of your direct message history with this app."
    : `This is the very beginning of the ${channel.is_private ? "private " : ""}channel.`;
  fill(parts.intro, h("h2", {}, isApp ? "IMEI Lock" : `#${channel.name}`), h("p", {}, text));
}

/** The composer, or why there is none. */
function drawFoot(channel, isApp) {
  const wanted = footOf(channel, isApp);
  if (typeof wanted !== "string") {
    if (parts.foot.firstChild !== parts.composer.node) fill(parts.foot, parts.composer.node);
    parts.composer.show(`${api.me()} ${channel.id}`, isApp ? "Message IMEI Lock" : `Message #${channel.name}`);
  } else if (parts.foot.dataset.sign !== `${channel.id} ${wanted}` || parts.foot.contains(parts.composer.node)) {
    const join = wanted === "" && h("button", { type: "button", class: "button primary", onclick: () => joinIt(channel) }, "Join channel");
    fill(parts.foot, h("div", { class: "no-composer" }, h("p", {}, wanted || `You are viewing #${channel.name}`), join));
  }
  parts.foot.dataset.sign = `${channel.id} ${wanted}`;
}

/** A sentence where nothing can be written, "" where one has to join first, null otherwise. */
function footOf(channel, isApp) {
  if (isApp && store.workspace.messages_tab_read_only) return "Sending messages to this app has been turned off.";
  if (channel.is_archived) return "This channel has been archived.";
  return channel.members.includes(api.me()) ? null : "";
}

async function joinIt(channel) {
  await api.post("/control/join", { channel: channel.id }).catch((error) => toast(error.message));
  refresh();
}

/** What is before the eyes is read. */
function readIt(channel, messages) {
  const phone = matchMedia("(max-width: 760px)").matches;
  const hidden = document.visibilityState !== "visible" || (phone && store.view !== "channel");
  if (channel.unread > 0 && messages.length && !hidden) markRead(channel.id, messages.filter((each) => each.user !== "USLACKBOT").at(-1).ts);
}

/** Put the focus where one writes. */
export const focusComposer = () => parts?.composer.node.isConnected && parts.composer.input.focus({ preventScroll: true });

/** Words stand ready to be sent; what somebody else has begun there stays, unless `mayGo(words)`. */
export function offerWords(words, mayGo) {
  const { input } = parts.composer;
  if (!parts.composer.node.isConnected || (input.value.trim() && !mayGo(input.value.trim()))) return;
  parts.composer.put(words);
  focusComposer();
}
