import { h } from "./dom.js";
import { emojiSign } from "./emoji.js";
import { withPictures } from "./emoji-art.js";

/** Slack's mrkdwn as nodes. `names` finds people, channels and groups by id. */
export function mrkdwn(text, names) {
  return text.split(/```([\s\S]*?)```/).flatMap((part, index) => {
    if (index % 2 === 1) return h("pre", {}, codeText(part.replace(/^\n|\n$/g, "")));
    const before = index > 0 ? part.replace(/^\n/, "") : part;
    return quotes(before.replace(/\n$/, ""), names);
  });
}

function quotes(text, names) {
  const parts = [];
  for (const line of text.split("\n")) {
    const quote = /^(?:&gt;|>)\s?(.*)$/.exec(line);
    const last = parts.at(-1);
    if (last && last.quoted === Boolean(quote)) last.lines.push(quote ? quote[1] : line);
    else parts.push({ quoted: Boolean(quote), lines: [quote ? quote[1] : line] });
  }
  return parts.flatMap(({ quoted, lines }) => {
    const nodes = inline(lines.join("\n"), names);
    return quoted ? h("blockquote", {}, nodes) : nodes;
  });
}

const spans = new RegExp(
  [
    "`([^`\\n]+)`",
    "<([^<>\\n]+)>",
    ":([a-z0-9_+'-]+(?:::skin-tone-[2-6])?):",
    "(?<![\\w*])\\*(?=\\S)([^*\\n]+?)(?<=\\S)\\*(?![\\w*])",
    "(?<![\\w_])_(?=\\S)([^_\\n]+?)(?<=\\S)_(?![\\w_])",
    "(?<![\\w~])~(?=\\S)([^~\\n]+?)(?<=\\S)~(?![\\w~])",
  ].join("|"),
  "g",
);

function inline(text, names) {
  const nodes = [];
  let from = 0;
  for (const match of text.matchAll(spans)) {
    const [all, code, reference, emoji, bold, italic, strike] = match;
    if (match.index > from) nodes.push(...withPictures(plain(text.slice(from, match.index))));
    from = match.index + all.length;
    if (code) nodes.push(h("code", {}, codeText(code)));
    else if (reference) nodes.push(referenceNode(reference, names));
    else if (emoji) nodes.push(emojiNode(emoji));
    else if (bold) nodes.push(h("b", {}, inline(bold, names)));
    else if (italic) nodes.push(h("i", {}, inline(italic, names)));
    else if (strike) nodes.push(h("s", {}, inline(strike, names)));
  }
  if (from < text.length) nodes.push(...withPictures(plain(text.slice(from))));
  return nodes;
}

/** Slack escapes three characters in text. */
export function plain(text) {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

/** Inside code Slack still resolves links, but shows only their text. */
function codeText(text) {
  return plain(text.replace(/<(https?:[^|>\s]+)(?:\|([^>]*))?>/g, (_all, url, label) => label ?? url));
}

export function emojiNode(name) {
  const sign = emojiSign(name);
  return sign ? h("span", { class: "emoji", title: `:${name}:` }, withPictures(sign)) : `:${name}:`;
}

function referenceNode(inside, names) {
  const [target, label] = splitOnce(inside, "|");
  const special = /^(@|#|!subteam\^|!date\^|!)(.*)$/.exec(target);
  if (special) return references[special[1]](special[2], label, names);
  if (!/^(https?|mailto):/.test(target)) return plain(`<${inside}>`);
  const shown = plain(label ?? target.replace(/^mailto:/, ""));
  return h("a", { href: plain(target), target: "_blank", rel: "noreferrer" }, shown);
}

const references = {
  "@": (id, label, names) => mention("@", names.person(id) ?? label ?? id),
  "#": (id, label, names) => mention("#", names.channel(id) ?? label ?? id),
  "!subteam^": (id, label, names) => mention("@", names.group(id) ?? label?.replace("@", "") ?? id),
  "!date^": (rest, label) => dateNode(rest, label),
  "!": (name) => mention("@", name),
};

export function mention(sign, name) {
  return h("span", { class: "mention" }, sign + name);
}

function splitOnce(text, sign) {
  const at = text.indexOf(sign);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** `!date^1795362883^{date_short} at {time}^link`, in the reader's own time. */
function dateNode(target, fallback) {
  const [seconds, format, link] = target.split("^");
  const date = new Date(Number(seconds) * 1000);
  if (Number.isNaN(date.getTime())) return fallback ?? target;
  const text = dateText(date, format ?? "{date}");
  const title = date.toString();
  return link
    ? h("a", { href: link, title, target: "_blank", rel: "noreferrer" }, text)
    : h("time", { title }, text);
}

export function dateText(date, format) {
  const show = (options) => date.toLocaleString("en-GB", options);
  const day = { day: "numeric", month: "long", year: "numeric" };
  const pretty = date.toDateString() === new Date().toDateString() ? "today" : null;
  const parts = {
    date_num: show({ year: "numeric", month: "2-digit", day: "2-digit" }).split("/").reverse().join("-"),
    date: show(day),
    date_short: show({ ...day, month: "short" }),
    date_long: show({ ...day, weekday: "long" }),
    date_pretty: pretty ?? show(day),
    date_short_pretty: pretty ?? show({ ...day, month: "short" }),
    date_long_pretty: pretty ?? show({ ...day, weekday: "long" }),
    time: show({ hour: "2-digit", minute: "2-digit" }),
    time_secs: show({ hour: "2-digit", minute: "2-digit", second: "2-digit" }),
    ago: agoText(date),
  };
  return format.replace(/\{(\w+)\}/g, (all, name) => parts[name] ?? all);
}

function agoText(date) {
  const minutes = Math.round((date.getTime() - Date.now()) / 60_000);
  const relative = new Intl.RelativeTimeFormat("en");
  return Math.abs(minutes) < 90
    ? relative.format(minutes, "minute")
    : relative.format(Math.round(minutes / 60), "hour");
}

/** A text object: `plain_text` knows emoji only. */
export function textNodes(object, context) {
  if (object.type === "mrkdwn") return mrkdwn(object.text, context.names);
  return object.text
    .split(/:([a-z0-9_+-]+):/)
    .map((part, index) => (index % 2 ? emojiNode(part) : withPictures(part)));
}
