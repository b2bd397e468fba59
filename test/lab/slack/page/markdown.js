import { h } from "./dom.js";
import { emojiNode } from "./mrkdwn.js";

/** The `markdown` block: the part of CommonMark that Slack translates, as nodes. */
export function markdown(text) {
  const lines = text.split("\n");
  const nodes = [];
  while (lines.length > 0) nodes.push(nextBlock(lines));
  return nodes.filter(Boolean);
}

function nextBlock(lines) {
  const line = lines.shift();
  if (line.trim() === "") return null;
  if (line.startsWith("```"))
    return h("pre", {}, takeUntil(lines, (next) => next.startsWith("```"), true).join("\n"));
  const heading = /^(#{1,6})\s+(.*)$/.exec(line);
  if (heading) return h(`h${Math.min(heading[1].length + 2, 6)}`, {}, spans(heading[2]));
  if (/^(-{3,}|\*{3,})$/.test(line.trim())) return h("hr");
  if (line.startsWith("|") && /^\|[\s:|-]+\|?$/.test(lines[0] ?? "")) return table(line, lines);
  if (/^>\s?/.test(line)) {
    const rest = [line, ...takeUntil(lines, (next) => !next.startsWith(">"), false)];
    return h("blockquote", {}, spans(rest.map((one) => one.replace(/^>\s?/, "")).join("\n")));
  }
  const bullet = /^\s*([-*]|\d+\.)\s+/;
  if (bullet.test(line)) {
    const items = [line, ...takeUntil(lines, (next) => !bullet.test(next), false)];
    return h(
      /^\s*\d/.test(line) ? "ol" : "ul",
      {},
      items.map((one) => h("li", {}, listItem(one.replace(bullet, "")))),
    );
  }
  const rest = takeUntil(
    lines,
    (next) => next.trim() === "" || /^(#|```|>|\||\s*([-*]|\d+\.)\s)/.test(next),
    false,
  );
  return h("p", {}, spans([line, ...rest].join("\n")));
}

function takeUntil(lines, ends, dropEnd) {
  const taken = [];
  while (lines.length > 0 && !ends(lines[0])) taken.push(lines.shift());
  if (dropEnd) lines.shift();
  return taken;
}

function listItem(text) {
  const task = /^\[([ x])\]\s+/.exec(text);
  return task ? [task[1] === "x" ? "☑ " : "☐ ", ...spans(text.replace(task[0], ""))] : spans(text);
}

function cells(row) {
  return row
    .replace(/^\||\|\s*$/g, "")
    .split("|")
    .map((cell) => cell.trim());
}

function table(head, lines) {
  const align = cells(lines.shift()).map((rule) =>
    /^:.*:$/.test(rule) ? "center" : rule.endsWith(":") ? "right" : "left",
  );
  const rows = takeUntil(lines, (next) => !next.startsWith("|"), false);
  const row = (tag, text) =>
    h(
      "tr",
      {},
      cells(text).map((cell, n) => h(tag, { style: `text-align:${align[n] ?? "left"}` }, spans(cell))),
    );
  return h(
    "div",
    { class: "scroll" },
    h(
      "table",
      {},
      h("thead", {}, row("th", head)),
      h(
        "tbody",
        {},
        rows.map((one) => row("td", one)),
      ),
    ),
  );
}

const pattern =
  /`([^`]+)`|\[([^\]]+)\]\((https?:[^)\s]+)\)|\*\*(.+?)\*\*|(?<!\w)[*_](?=\S)(.+?)(?<=\S)[*_](?!\w)|~~(.+?)~~|:([a-z0-9_+-]+):|(https?:\/\/[^\s)]+)/g;

function spans(text) {
  const nodes = [];
  let from = 0;
  for (const match of text.matchAll(pattern)) {
    const [all, code, label, url, bold, italic, strike, emoji, bare] = match;
    nodes.push(text.slice(from, match.index));
    from = match.index + all.length;
    if (code) nodes.push(h("code", {}, code));
    else if (label) nodes.push(h("a", { href: url, target: "_blank", rel: "noreferrer" }, spans(label)));
    else if (bold) nodes.push(h("b", {}, spans(bold)));
    else if (italic) nodes.push(h("i", {}, spans(italic)));
    else if (strike) nodes.push(h("s", {}, spans(strike)));
    else if (emoji) nodes.push(emojiNode(emoji));
    else if (bare) nodes.push(h("a", { href: bare, target: "_blank", rel: "noreferrer" }, bare));
  }
  nodes.push(text.slice(from));
  return nodes.filter((node) => node !== "");
}
