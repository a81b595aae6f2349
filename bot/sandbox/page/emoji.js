/** Emoji by the names that apps use; an unknown name stays as it was written. */

const NAMES = {
  white_check_mark: "✅", heavy_check_mark: "✔️", ballot_box_with_check: "☑️", x: "❌", negative_squared_cross_mark: "❎",
  warning: "⚠️", no_entry: "⛔", no_entry_sign: "🚫", rotating_light: "🚨", exclamation: "❗", question: "❓",
  grey_question: "❔", information_source: "ℹ️", bulb: "💡", lock: "🔒", unlock: "🔓", closed_lock_with_key: "🔐",
  key: "🔑", hourglass: "⌛", hourglass_flowing_sand: "⏳", stopwatch: "⏱️", alarm_clock: "⏰", calendar: "📅",
  arrows_counterclockwise: "🔄", repeat: "🔁", arrow_right: "➡️", arrow_left: "⬅️", arrow_up: "⬆️", arrow_down: "⬇️",
  leftwards_arrow_with_hook: "↩️", eyes: "👀", wave: "👋", thumbsup: "👍", "+1": "👍", thumbsdown: "👎", "-1": "👎",
  clap: "👏", raised_hands: "🙌", pray: "🙏", tada: "🎉", rocket: "🚀", fire: "🔥", heart: "❤️", smile: "😄",
  slightly_smiling_face: "🙂", thinking_face: "🤔", cry: "😢", sweat_smile: "😅", bell: "🔔", no_bell: "🔕",
  memo: "📝", pencil2: "✏️", page_facing_up: "📄", paperclip: "📎", open_file_folder: "📂", inbox_tray: "📥",
  outbox_tray: "📤", bar_chart: "📊", mag: "🔍", link: "🔗", wrench: "🔧", gear: "⚙️", hammer_and_wrench: "🛠️",
  iphone: "📱", satellite_antenna: "📡", signal_strength: "📶", electric_plug: "🔌", battery: "🔋", package: "📦",
  red_circle: "🔴", large_blue_circle: "🔵", large_green_circle: "🟢", large_yellow_circle: "🟡", white_circle: "⚪",
  black_circle: "⚫", double_vertical_bar: "⏸️", arrow_forward: "▶️", stop_sign: "🛑", construction: "🚧", zap: "⚡",
  bust_in_silhouette: "👤", busts_in_silhouette: "👥", robot_face: "🤖", speech_balloon: "💬", star: "⭐", sparkles: "✨",
  one: "1️⃣", two: "2️⃣", three: "3️⃣", four: "4️⃣", five: "5️⃣",
};

/** The character of a name, or null. */
export const emoji = (name) => (Object.hasOwn(NAMES, name) ? NAMES[name] : null);

/** Text with the names in it put in characters. */
export const withEmoji = (text) => text.replace(/:([a-z0-9_+-]+):/g, (whole, name) => emoji(name) ?? whole);
