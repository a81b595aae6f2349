/** Hears the server: one connection for all windows of a browser, held by one that is seen, told to the others. */

// A browser opens six connections to one server, for all its tabs together, and a feed would keep one of them.
const NAME = "feed";
const last = new Map();
let hear = () => {};
let others = null;
let waiting = null;
let held = null;

/** Call `fn(event)` for each event while this window is seen; once seen again, for what may have changed. */
export function listen(fn) {
  hear = fn;
  others = new BroadcastChannel(NAME);
  others.onmessage = ({ data }) => (data === "what is new?" ? answer() : !document.hidden && hear(data));
  document.addEventListener("visibilitychange", hearWhenSeen);
  hearWhenSeen();
}

/** Seen: wait for the turn to hold the connection. Not seen: leave it to others. */
function hearWhenSeen() {
  if (document.hidden) {
    waiting?.abort();
    held?.();
    waiting = held = null;
  } else if (!waiting) {
    waiting = new AbortController();
    navigator.locks.request(NAME, { signal: waiting.signal }, hold).catch((error) => error.name === "AbortError" || console.error(error));
    others.postMessage("what is new?");
  }
}

/** Hold the one connection until this window is hidden or closed. */
function hold() {
  if (document.hidden) return null; // hidden while it was granted
  const source = new EventSource("/control/feed");
  source.onmessage = (message) => told(JSON.parse(message.data));
  source.onerror = () => told({ what: "offline" });
  return new Promise((resolve) => {
    held = () => (source.close(), resolve());
  });
}

/** An event came: it is for everybody. */
function told(event) {
  if (event.what === "offline") last.clear();
  else last.delete("offline");
  last.set(event.what, event);
  others.postMessage(event);
  hear(event);
}

/** A window is seen that may have missed something: whoever holds the connection says again what there was. */
function answer() {
  if (held) for (const event of last.values()) others.postMessage(event);
}
