const named = `
white_check_mark ✅|x ❌|raised_hand ✋|hand ✋|+1 👍|thumbsup 👍|-1 👎|thumbsdown 👎|heavy_check_mark ✔️|ballot_box_with_check ☑️
heavy_multiplication_x ✖️|no_entry ⛔|no_entry_sign 🚫|octagonal_sign 🛑|stop_sign 🛑|warning ⚠️|rotating_light 🚨|exclamation ❗|question ❓
grey_question ❔|bangbang ‼️|hourglass ⌛|hourglass_flowing_sand ⏳|stopwatch ⏱️|timer_clock ⏲️|alarm_clock ⏰|clock1 🕐|clock3 🕒|ferry ⛴️
ship 🚢|boat ⛵|sailboat ⛵|anchor ⚓|rocket 🚀|construction 🚧|wrench 🔧|hammer 🔨|hammer_and_wrench 🛠️|gear ⚙️|lock 🔒|unlock 🔓
key 🔑|mag 🔍|memo 📝|clipboard 📋|page_facing_up 📄|bar_chart 📊|chart_with_upwards_trend 📈|chart_with_downwards_trend 📉|package 📦
inbox_tray 📥|outbox_tray 📤|link 🔗|bell 🔔|no_bell 🔕|mega 📣|loudspeaker 📢|speech_balloon 💬|eyes 👀|tada 🎉|fire 🔥|boom 💥|zap ⚡
bug 🐛|robot_face 🤖|information_source ℹ️|bulb 💡|pushpin 📌|calendar 📅|date 📅|arrow_right ➡️|arrow_left ⬅️|arrow_up ⬆️|arrow_down ⬇️
arrow_forward ▶️|arrows_counterclockwise 🔄|leftwards_arrow_with_hook ↩️|rewind ⏪|fast_forward ⏩|double_vertical_bar ⏸️|pause_button ⏸️
black_square_for_stop ⏹️|red_circle 🔴|large_blue_circle 🔵|large_green_circle 🟢|large_yellow_circle 🟡|large_orange_circle 🟠|white_circle ⚪
black_circle ⚫|large_green_square 🟩|large_yellow_square 🟨|large_red_square 🟥|white_large_square ⬜|black_large_square ⬛|small_blue_diamond 🔹
small_orange_diamond 🔸|one 1️⃣|two 2️⃣|three 3️⃣|heart ❤️|smile 😄|slightly_smiling_face 🙂|thinking_face 🤔|pray 🙏|clap 👏|wave 👋|ok_hand 👌
muscle 💪|point_right 👉|checkered_flag 🏁|triangular_flag_on_post 🚩|white_flag 🏳️|shield 🛡️|floppy_disk 💾|file_folder 📁|wastebasket 🗑️
ocean 🌊|cloud ☁️|satellite 📡|electric_plug 🔌|battery 🔋|snail 🐌|turtle 🐢|moneybag 💰|dollar 💵|star ⭐|sparkles ✨|new 🆕|ok 🆗|sos 🆘
crossed_fingers 🤞|recycle ♻️|abacus 🧮|scales ⚖️|repeat 🔁|twisted_rightwards_arrows 🔀|end 🔚|soon 🔜|back 🔙|ghost 👻|sleeping 😴|zzz 💤
`;

const signs = new Map(
  named
    .trim()
    .split(/[|\n]/)
    .map((entry) => entry.split(" ")),
);

const tones = ["", "", "🏻", "🏼", "🏽", "🏾", "🏿"];

/** The sign for an emoji name without colons, or null when this page does not know it. */
export function emojiSign(name) {
  const [base, tone] = name.split("::skin-tone-");
  const sign = signs.get(base);
  return sign ? sign + (tone ? (tones[Number(tone)] ?? "") : "") : null;
}

/** The four reactions at hand. */
export const quickReactions = ["white_check_mark", "x", "raised_hand", "+1"];
