/** Moments in the reader's own zone, in the words that Slack uses. */

const LOCALE = "en-US";
const DAY = 86_400_000;

/** What a moment looks like in a zone, by the options of Intl.DateTimeFormat. */
function format(ms, zone, options) {
  return new Intl.DateTimeFormat(LOCALE, { timeZone: zone, ...options }).format(ms);
}

/** "2026-03-02" of a moment in a zone. */
export function dayOf(ms, zone) {
  return new Intl.DateTimeFormat("en-CA", { timeZone: zone, dateStyle: "short" }).format(ms);
}

/** "9:41 AM" */
export const clock = (ms, zone) => format(ms, zone, { hour: "numeric", minute: "2-digit" });

/** "today", "yesterday", "tomorrow", or "" for any other day. */
function nearby(ms, now, zone) {
  const day = dayOf(ms, zone);
  if (day === dayOf(now, zone)) return "today";
  if (day === dayOf(now - DAY, zone)) return "yesterday";
  return day === dayOf(now + DAY, zone) ? "tomorrow" : "";
}

/** "March 2nd, 2026" */
function long(ms, zone) {
  const day = Number(format(ms, zone, { day: "numeric" }));
  const ending = day > 10 && day < 14 ? "th" : ({ 1: "st", 2: "nd", 3: "rd" }[day % 10] ?? "th");
  return `${format(ms, zone, { month: "long" })} ${day}${ending}, ${format(ms, zone, { year: "numeric" })}`;
}

/** "5 minutes ago", "in 2 hours" */
function ago(ms, now) {
  const seconds = Math.round((ms - now) / 1000);
  const units = [["day", 86_400], ["hour", 3600], ["minute", 60]];
  const [unit, size] = units.find(([, length]) => Math.abs(seconds) >= length) ?? ["second", 1];
  return new Intl.RelativeTimeFormat(LOCALE, { numeric: "auto" }).format(Math.trunc(seconds / size), unit);
}

const TOKENS = {
  date_num: dayOf,
  date: long,
  date_short: (ms, zone) => format(ms, zone, { month: "short", day: "numeric", year: "numeric" }),
  date_long: (ms, zone) => `${format(ms, zone, { weekday: "long" })}, ${long(ms, zone)}`,
  date_long_full: (ms, zone) => `${format(ms, zone, { weekday: "long" })}, ${long(ms, zone)}`,
  day_divider: (ms, zone) => `${format(ms, zone, { weekday: "long" })}, ${long(ms, zone)}`,
  time: clock,
  time_secs: (ms, zone) => format(ms, zone, { hour: "numeric", minute: "2-digit", second: "2-digit" }),
};

/** A Slack date format such as "{date_short_pretty} {time}" for a Unix time; `place` is { zone, now }. */
export function slackDate(unix, pattern, { zone, now }, opensText = false) {
  const ms = unix * 1000;
  const text = pattern.replace(/\{(\w+)\}/g, (whole, token) => {
    if (token === "ago") return ago(ms, now);
    const plain = token.replace(/_pretty$/, "");
    if (!TOKENS[plain]) return whole;
    const word = token.endsWith("_pretty") ? nearby(ms, now, zone) : "";
    return word || TOKENS[plain](ms, zone);
  });
  return opensText ? text.charAt(0).toUpperCase() + text.slice(1) : text;
}

/** What a line between two days says: "Today", "Monday, March 2nd". */
export function dayLine(ms, { zone, now }) {
  const word = nearby(ms, now, zone);
  if (word && word !== "tomorrow") return word.charAt(0).toUpperCase() + word.slice(1);
  return TOKENS.day_divider(ms, zone);
}

/** A moment in full, for the tip over a time. */
export const inFull = (ms, zone) => `${TOKENS.date_long(ms, zone)} at ${TOKENS.time_secs(ms, zone)}`;

/** Milliseconds of a message's ts. */
export const msOf = (ts) => Number(ts) * 1000;

/** Unix seconds of a local "2026-03-02T09:41" in a zone: what a date-and-time field reports. */
export function unixOf(local, zone) {
  const asUtc = Date.parse(`${local}:00Z`);
  const offsetAt = (ms) => Date.parse(`${localOf(ms / 1000, zone)}:00Z`) - ms;
  const nearly = asUtc - offsetAt(asUtc); // may lie on the other side of a change to summer time
  return Math.round((asUtc - offsetAt(nearly)) / 1000);
}

/** "2026-03-02T09:41" in a zone, for a date-and-time field. */
export function localOf(unix, zone) {
  const time = format(unix * 1000, zone, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  return `${dayOf(unix * 1000, zone)}T${time}`;
}
