/** The frame around the conversation: top bar, who acts, the list of channels. */

import * as api from "./api.js";
import { fill, focusKeeper, h, icon, ICONS } from "./dom.js";
import { avatar } from "./messages.js";
import { appChannel, draw, store } from "./store.js";

/** Show one of the screens of a phone; on a desktop they stand side by side. */
export function showScreen(name) {
  store.view = name;
  document.body.dataset.screen = name;
}

/** The top bar: made once; who acts is kept up to date. */
export function drawTop() {
  const top = document.getElementById("top");
  if (!top.childElementCount) makeTop(top);
  const select = top.querySelector("select");
  const options = store.workspace.users.filter((user) => !user.is_bot).map((user) => {
    const roles = user.roles.length ? user.roles.join(", ") : "no role";
    return h("option", { value: user.id }, `${user.real_name} — ${roles}`);
  });
  const sign = options.map((option) => option.textContent).join();
  if (select.dataset.sign !== sign) fill(select, options);
  select.dataset.sign = sign;
  select.value = api.me();
  const user = store.place.users.get(api.me());
  fill(top.querySelector(".me"), avatar(user, "small"));
  document.title = `${store.place.channels.get(store.channel)?.name || "IMEI Lock"} · ${user?.real_name ?? ""} · ${store.workspace.name}`;
}

/** Its parts. */
function makeTop(top) {
  const select = h("select", { "aria-label": "Act as", "data-testid": "act-as", onchange: (event) => api.actAs(event.target.value) });
  const pane = h("button", { type: "button", class: "pane-switch", "aria-pressed": "false", "data-testid": "monogoto-switch", hidden: true, onclick: () => togglePane() }, "Monogoto");
  fill(top, h("span", { class: "brand" }, h("span", { class: "avatar bot small", "aria-hidden": "true" }), h("b", {}, store.workspace.name)),
    h("label", { class: "act-as" }, h("span", { class: "act-as-word" }, "Act as"), h("span", { class: "me" }), select), pane);
}

/** Show or hide the Monogoto pane; on a phone it is a screen of its own. */
export function togglePane(show = !document.body.classList.contains("with-pane")) {
  const pane = document.getElementById("monogoto");
  pane.hidden = !show;
  document.body.classList.toggle("with-pane", show);
  document.querySelector(".pane-switch")?.setAttribute("aria-pressed", String(show));
  localStorage.setItem("pane", show ? "1" : "");
  if (matchMedia("(max-width: 760px)").matches) showScreen(show ? "monogoto" : "channel");
}

/** The list: channels of the person, the app, and who is who. */
export function drawSidebar() {
  const node = document.getElementById("sidebar");
  const refocus = focusKeeper(node);
  const mine = store.screen.channels.filter((channel) => !channel.im_with && !channel.is_archived);
  const joined = mine.filter((channel) => channel.members.includes(api.me()));
  const others = mine.filter((channel) => !channel.members.includes(api.me()));
  fill(node,
    h("div", { class: "team" }, h("b", {}, store.workspace.name), h("small", {}, "a local Slack to try it in")),
    list("Channels", joined.map(channelItem)),
    others.length > 0 && list("Not joined", others.map(channelItem)),
    list("Apps", [appItem()]));
  refocus();
}

const list = (title, items) =>
  h("section", { "aria-label": title }, h("h2", {}, title), h("ul", {}, items.map((item) => h("li", {}, item))));

/** A channel, bold while something in it is new. */
function channelItem(channel) {
  const sign = channel.is_private ? "🔒" : "#";
  const shared = channel.is_ext_shared ? h("span", { class: "shared", title: "Shared with another company" }, "⇄") : null;
  return item(channel, [h("span", { class: "sign", "aria-hidden": "true" }, sign), h("span", { class: "name" }, channel.name), shared]);
}

/** The app: its direct message, once it has one. */
function appItem() {
  const channel = appChannel() ?? { id: "app", unread: 0, mentions: 0, unread_replies: 0 };
  const bot = store.place.users.get(store.place.bot);
  return item(channel, [avatar(bot, "tiny"), h("span", { class: "name" }, bot.real_name)]);
}

/** A line of the list, with its marks. */
function item(channel, content) {
  const news = channel.unread > 0 || channel.unread_replies > 0;
  const count = channel.mentions || 0;
  const words = [count && `${count} mentions`, !count && channel.unread > 0 && "unread", channel.unread_replies > 0 && "new replies"].filter(Boolean);
  const classes = `item ${news ? "unread" : ""} ${channel.id === store.channel ? "chosen" : ""}`;
  return h("button", {
    type: "button", class: classes, "data-testid": "channel", "data-channel": channel.id, "data-key": `channel ${channel.id}`,
    "aria-current": channel.id === store.channel ? "page" : null, onclick: () => api.openChannel(channel.id),
  }, content,
    channel.unread_replies > 0 && h("span", { class: "replies", title: `${channel.unread_replies} new replies` }, icon(ICONS.threads)),
    count > 0 && h("span", { class: "badge" }, count),
    words.length > 0 && h("span", { class: "unseen" }, `, ${words.join(", ")}`));
}

/** A button that goes back to another screen, seen where not all of them have room; `leave()` is done before. */
export const backButton = (to, label, leave = () => {}) =>
  h("button", { type: "button", class: "back plain", "aria-label": label, onclick: () => (leave(), showScreen(to), draw()) }, icon(ICONS.back));
