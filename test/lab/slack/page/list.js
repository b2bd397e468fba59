import { dayOf, h } from "./dom.js";
import { drawMessage } from "./message.js";

/** Draws only what changed, and stays at the end unless the reader scrolled up.
 * `channel`: with days, grouping and links to threads, whose replies are in `all`. */
export function drawList(list, { messages, all, view, channel = false }) {
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  const old = new Map([...list.children].map((node) => [node.dataset.key, node]));
  const nodes = [];
  const put = (key, signature, make) => {
    const known = old.get(key);
    const node = known?.dataset.signature === signature ? known : make();
    Object.assign(node.dataset, { key, signature });
    nodes.push(node);
  };
  for (const [index, message] of messages.entries()) {
    const before = messages[index - 1];
    const day = dayOf(message.ts);
    const newDay = channel && (!before || dayOf(before.ts) !== day);
    if (newDay) put(`day ${day}`, day, () => h("div", { class: "day" }, h("span", {}, day)));
    const follows = channel && !newDay && goesOn(before, message);
    const replies = channel ? all.filter((one) => one.thread_ts === message.ts) : [];
    const signature = JSON.stringify([message, follows, replies.length, view.me, view.person(message.user)]);
    put(message.ts, signature, () => drawMessage(message, view, { follows, replies }));
  }
  if (nodes.length === 0) nodes.push(h("p", { class: "empty" }, "Nothing here yet."));
  if (!sameNodes(nodes, list.children)) list.replaceChildren(...nodes);
  if (atEnd) list.scrollTop = list.scrollHeight;
}

/** Whether a message needs no name of its own: same person, within five minutes, both seen by all. */
function goesOn(before, message) {
  const seenByAll = before.ephemeral_to === null && message.ephemeral_to === null;
  return seenByAll && before.user === message.user && message.ts - before.ts < 300;
}

function sameNodes(nodes, shown) {
  return nodes.length === shown.length && nodes.every((node, index) => node === shown[index]);
}
