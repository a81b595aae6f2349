/** The Monogoto side: a calm console of the vendor, and the hands of the outside world. */

import { fill, h } from "./dom.js";
import * as calls from "./monogoto_calls.js";
import * as groups from "./monogoto_group.js";
import * as lists from "./monogoto_list.js";
import * as things from "./monogoto_thing.js";
import * as trouble from "./monogoto_trouble.js";

const TABS = [
  ["things", "SIMs"],
  ["groups", "Groups"],
  ["calls", "Calls"],
  ["trouble", "Trouble"],
];
const REFRESH_MS = 150;

/** Fill the pane; it looks at the server only while it is seen. */
export function mount(pane, api) {
  const body = h("div", { class: "m-body", role: "tabpanel" });
  const screens = makeScreens(api, show);
  let current = screens.things;

  function show(name, ...what) {
    const [tab] = name.split(":");
    for (const button of pane.querySelectorAll("[role=tab]")) {
      button.setAttribute("aria-selected", String(button.dataset.tab === tab));
    }
    current = screens[name];
    fill(body, current.open(...what));
    body.scrollTop = 0;
    return current.refresh();
  }

  fill(pane, header(), tabs(show), body);
  pane.classList.add("m-pane");
  api.onChange((event) => event.what === "round" && screens.calls.forget()); // its numbers begin at 1 again
  refreshWhenSeen(pane, api, () => current.refresh());
  document.addEventListener("monogoto:show", (event) => show(...event.detail));
  show("things");
}

function makeScreens(api, show) {
  const open = (kind) => (id) => show(`${kind}:one`, id);
  return {
    things: lists.make(api, "things", open("things")),
    groups: lists.make(api, "groups", open("groups")),
    calls: calls.make(api),
    trouble: trouble.make(api),
    "things:one": things.make(api, show),
    "groups:one": groups.make(api, show),
  };
}

function header() {
  return h(
    "header",
    { class: "m-head" },
    h("span", { class: "m-mark", "aria-hidden": "true" }),
    h("h2", {}, "Monogoto"),
    h("span", { class: "m-note" }, "local stand-in"),
  );
}

function tabs(show) {
  const buttons = TABS.map(([name, label]) =>
    h("button", { role: "tab", type: "button", "data-tab": name, "data-testid": `m-tab-${name}`, onclick: () => show(name) }, label),
  );
  return h("div", { class: "m-tabs", role: "tablist", "aria-label": "Monogoto" }, buttons);
}

/** Once after every burst of changes, and when the pane comes into sight. */
function refreshWhenSeen(pane, api, refresh) {
  let waiting = null;
  const look = () => {
    waiting = null;
    if (!pane.hidden) Promise.resolve(refresh()).catch((error) => console.info(error.message));
  };
  const soon = () => (waiting ??= setTimeout(look, REFRESH_MS));
  api.onChange((event) => ["monogoto", "round", "person"].includes(event.what) && soon());
  new MutationObserver(soon).observe(pane, { attributeFilter: ["hidden"] });
}
