import { drawBlocks } from "./blocks.js";
import { act, h, timeOf } from "./dom.js";
import { quickReactions } from "./emoji.js";
import { withPictures } from "./emoji-art.js";
import { emojiNode, mrkdwn } from "./mrkdwn.js";

/** One message. `view` is what the page knows: who acts, who is who, and how to open a thread. */
export function drawMessage(message, view, { follows, replies }) {
  const author = view.person(message.user);
  const hidden = message.ephemeral_to !== null;
  return h(
    "article",
    { class: `message ${hidden ? "ephemeral" : ""} ${follows ? "follows" : ""}`, id: `m${message.ts}` },
    h("div", { class: "gutter" }, follows ? h("time", {}, timeOf(message.ts)) : avatar(author)),
    h(
      "div",
      { class: "content" },
      hidden && h("div", { class: "only" }, withPictures("👁 Only visible to you")),
      !follows && byline(author, message),
      body(message, view),
      message.files.map((file) => drawFile(file)),
      message.reactions.length > 0 && chips(message, view),
      replies.length > 0 && threadLink(message, replies, view),
    ),
    !hidden && tools(message, view),
  );
}

export function avatar(author) {
  if (author.is_bot) return h("span", { class: "avatar bot" }, h("img", { src: "/page/icon.svg", alt: "" }));
  return h(
    "span",
    { class: "avatar", style: `background:hsl(${hue(author.id)} 45% 42%)` },
    author.real_name.slice(0, 1),
  );
}

function hue(id) {
  return [...id].reduce((sum, sign) => (sum * 31 + sign.charCodeAt(0)) % 360, 7);
}

function byline(author, message) {
  const marks = [
    author.is_bot && "APP",
    author.is_restricted && "GUEST",
    author.is_stranger && "OTHER WORKSPACE",
    author.deleted && "DEACTIVATED",
  ];
  return h(
    "div",
    { class: "byline" },
    h("b", {}, author.real_name),
    marks.filter(Boolean).map((mark) => h("span", { class: "badge" }, mark)),
    h("time", { title: new Date(Number(message.ts) * 1000).toString() }, timeOf(message.ts)),
  );
}

function body(message, view) {
  const context = {
    ...view,
    act: (action) =>
      act("interact", { channel: message.channel, messageTs: message.ts, user: view.me, action }),
  };
  const edited = message.edited ? h("small", { class: "edited" }, " (edited)") : null;
  const attached = message.attachments.map((one) =>
    h(
      "div",
      {
        class: "attachment",
        style: one.color
          ? `border-color:${one.color.startsWith("#") ? one.color : `#${one.color}`}`
          : undefined,
      },
      one.blocks ? drawBlocks(one.blocks, context) : mrkdwn(one.text ?? one.fallback ?? "", view.names),
    ),
  );
  if (message.blocks.length > 0) return [drawBlocks(message.blocks, context), attached, edited];
  return [
    message.text ? h("div", { class: "text" }, mrkdwn(message.text, view.names), edited) : null,
    attached,
  ];
}

function drawFile(file) {
  const source = `/_page/${file.id}`;
  if (file.mimetype.startsWith("image/"))
    return h(
      "figure",
      {},
      h("figcaption", {}, file.title),
      h(
        "a",
        { href: source, target: "_blank" },
        h("img", { src: source, alt: file.alt_txt || file.title, class: "large" }),
      ),
    );
  const preview = h("pre", { class: "preview" });
  const readable = /^text\/|json|yaml/.test(file.mimetype) && file.mimetype !== "text/html";
  if (readable)
    void fetch(source)
      .then((response) => response.text())
      .then((text) => (preview.textContent = text.split("\n").slice(0, 6).join("\n")));
  return h(
    "div",
    { class: "file" },
    h(
      "a",
      { href: source, target: "_blank" },
      h("span", { class: "kind" }, file.filetype.toUpperCase()),
      h("span", {}, h("b", {}, file.title), h("small", {}, `${file.name} · ${size(file.size)}`)),
    ),
    readable && preview,
  );
}

function size(bytes) {
  return bytes < 1024
    ? `${bytes} B`
    : bytes < 1024 ** 2
      ? `${(bytes / 1024).toFixed(1)} kB`
      : `${(bytes / 1024 ** 2).toFixed(1)} MB`;
}

function toggle(message, name, view) {
  const mine = message.reactions.some((one) => one.name === name && one.users.includes(view.me));
  return act("reaction", { channel: message.channel, ts: message.ts, user: view.me, name, present: !mine });
}

function chips(message, view) {
  return h(
    "div",
    { class: "chips" },
    message.reactions.map(({ name, users }) => {
      const who = `${users.map((id) => view.person(id).real_name).join(", ")} reacted with :${name}:`;
      const mine = users.includes(view.me) ? "mine" : "";
      return h(
        "button",
        { type: "button", class: `chip ${mine}`, title: who, onclick: () => toggle(message, name, view) },
        emojiNode(name),
        String(users.length),
      );
    }),
  );
}

function threadLink(message, replies, view) {
  const faces = [...new Set(replies.map((one) => one.user))].slice(0, 4).map((id) => avatar(view.person(id)));
  const text = replies.length === 1 ? "1 reply" : `${replies.length} replies`;
  return h(
    "button",
    { type: "button", class: "replies", onclick: () => view.openThread(message.ts) },
    faces,
    h("b", {}, text),
    h("small", {}, `last at ${timeOf(replies.at(-1).ts)}`),
  );
}

function tools(message, view) {
  return h(
    "div",
    { class: "tools" },
    quickReactions.map((name) =>
      h(
        "button",
        { type: "button", title: `:${name}:`, onclick: () => toggle(message, name, view) },
        emojiNode(name),
      ),
    ),
    h(
      "button",
      {
        type: "button",
        title: "Reply in thread",
        onclick: () => view.openThread(message.thread_ts ?? message.ts),
      },
      withPictures("💬"),
    ),
  );
}
