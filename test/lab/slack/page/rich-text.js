import { h } from "./dom.js";
import { dateText, emojiNode, mention } from "./mrkdwn.js";

/** A `rich_text` block as nodes. */
export function richText(block, names) {
  return block.elements.flatMap((element) => part(element, names));
}

function part(element, names) {
  const inside = () => element.elements.map((one) => span(one, names));
  if (element.type === "rich_text_preformatted") return h("pre", {}, inside());
  if (element.type === "rich_text_quote") return h("blockquote", {}, inside());
  if (element.type !== "rich_text_list") return h("div", {}, inside());
  const tag = element.style === "ordered" ? "ol" : "ul";
  const items = element.elements.map((item) =>
    h(
      "li",
      {},
      item.elements.map((one) => span(one, names)),
    ),
  );
  return h(tag, { style: element.indent ? `margin-left:${element.indent * 24}px` : undefined }, items);
}

const spans = {
  link: (one) =>
    h(
      "a",
      { href: /^(https?|mailto):/.test(one.url) ? one.url : "#", target: "_blank", rel: "noreferrer" },
      one.text ?? one.url,
    ),
  emoji: (one) => emojiNode(one.name),
  user: (one, names) => mention("@", names.person(one.user_id) ?? one.user_id),
  channel: (one, names) => mention("#", names.channel(one.channel_id) ?? one.channel_id),
  usergroup: (one, names) => mention("@", names.group(one.usergroup_id) ?? one.usergroup_id),
  broadcast: (one) => mention("@", one.range),
  date: (one) => dateText(new Date(one.timestamp * 1000), one.format),
};

function span(one, names) {
  return spans[one.type]?.(one, names) ?? styled(one.text ?? "", one.style ?? {});
}

function styled(text, style) {
  let node = text;
  if (style.code) node = h("code", {}, node);
  if (style.bold) node = h("b", {}, node);
  if (style.italic) node = h("i", {}, node);
  if (style.strike) node = h("s", {}, node);
  return node;
}
