import { drawBlocks } from "./blocks.js";
import { setUpComposer } from "./composer.js";
import { $, act, h, read, toast } from "./dom.js";
import { withPictures } from "./emoji-art.js";
import { drawList } from "./list.js";
import { avatar } from "./message.js";
import { drawModal } from "./modal.js";

const query = new URLSearchParams(location.search);
const linked = /^\/archives\/(\w+)\/p(\d+)(\d{6})/.exec(location.pathname);
const page = {
  me: query.get("as") ?? localStorage.getItem("as") ?? "U0ANA",
  place: linked?.[1] ?? query.get("channel") ?? "C0MIGRATION",
  thread: query.get("thread"),
  linked: linked ? `${linked[2]}.${linked[3]}` : null,
  state: null,
  messages: [],
  unread: new Set(),
};
const nobody = { id: "?", name: "unknown", real_name: "Unknown", is_bot: false };
const slackbot = { id: "USLACKBOT", name: "slackbot", real_name: "Slackbot (demo)", is_bot: false };

const person = (id) =>
  id === "USLACKBOT" ? slackbot : (page.state.users.find((one) => one.id === id) ?? { ...nobody, id });
const names = {
  person: (id) => page.state.users.find((one) => one.id === id)?.name,
  channel: (id) => page.state.channels.find((one) => one.id === id)?.name,
  group: (id) => page.state.usergroups.find((one) => one.id === id)?.handle,
};
const view = () => ({
  me: page.me,
  names,
  person,
  people: page.state.users.filter((one) => !one.is_bot && !one.deleted),
  commands: page.state.app.commands,
  appName: page.state.app.name,
  openThread: (ts) => show({ thread: ts }),
});

/** Goes to a place or thread and keeps the address in step, so that a window can be reopened as it was. */
function show(change) {
  Object.assign(page, change);
  if (change.place) page.unread.delete(change.place);
  const address = new URLSearchParams({
    as: page.me,
    channel: page.place,
    ...(page.thread && { thread: page.thread }),
  });
  history.replaceState(null, "", `/?${address}`);
  localStorage.setItem("as", page.me);
  if (change.place === "home") void act("open-home", { user: page.me });
  return refresh();
}

let refreshing = null;
let again = false;
async function refresh() {
  if (refreshing) {
    again = true;
    return refreshing;
  }
  refreshing = (async () => {
    page.state = await read("state");
    const known = page.place !== "home" && page.state.channels.some((one) => one.id === page.place);
    page.messages = known ? (await read(`messages/${page.place}?user=${page.me}`)).messages : [];
    draw();
  })();
  await refreshing.catch((error) => toast(`The page failed: ${error.message}`));
  refreshing = null;
  if (again) {
    again = false;
    await refresh();
  }
}

function draw() {
  $("team").textContent = page.state.team.name;
  drawSide();
  drawHead();
  const home = page.place === "home";
  $("composer").hidden = home;
  if (home) drawHome();
  else drawMessages();
  drawThread();
  drawModal(page.state.modals[page.me] ?? [], view());
}

function drawSide() {
  const mine = page.state.channels.filter((one) => one.members.includes(page.me));
  const direct = mine.find((one) => one.kind === "im");
  const entry = (id, sign, label) =>
    h(
      "button",
      {
        type: "button",
        class: `${page.place === id ? "here" : ""} ${page.unread.has(id) ? "unread" : ""}`,
        onclick: () => show({ place: id, thread: null }),
      },
      h("span", { class: "sign" }, sign),
      label,
    );
  const online = page.state.app.transport === "http" || page.state.app.sockets > 0;
  $("places").replaceChildren(
    h("h2", {}, "Channels"),
    ...mine.filter((one) => one.kind !== "im").map((one) => entry(one.id, "#", one.name)),
    h("h2", {}, "Apps"),
    entry(
      "home",
      withPictures("⛴"),
      h(
        "span",
        {},
        page.state.app.name,
        h("i", { class: `dot ${online ? "on" : ""}`, title: online ? "connected" : "not connected" }),
      ),
    ),
    direct ? entry(direct.id, "↳", "direct messages") : "",
  );
  $("as").replaceChildren(
    ...page.state.users
      .filter((one) => !one.is_bot)
      .map((one) => h("option", { value: one.id, selected: one.id === page.me }, one.real_name + mark(one))),
  );
}

function mark(one) {
  if (one.deleted) return " (deactivated)";
  if (one.is_stranger) return " (other workspace)";
  return one.is_restricted ? " (guest)" : "";
}

function drawHead() {
  const channel = page.state.channels.find((one) => one.id === page.place);
  const { name } = page.state.app;
  const [title, about] = headings(channel, name);
  const people = (channel?.members ?? []).map(person);
  const everybody = people.map((one) => one.real_name).join(", ");
  $("head").replaceChildren(
    h("h1", {}, title),
    h("span", { class: "topic" }, about),
    people.length > 0
      ? h("span", { class: "faces", title: everybody }, people.slice(0, 4).map(avatar), String(people.length))
      : "",
  );
  mainComposer.placeholder(`Message ${title} as ${person(page.me).real_name}`);
  document.title = `${title} · demo workspace`;
}

function headings(channel, app) {
  if (page.place === "home") return [app, "Home"];
  if (channel?.kind === "im") return [app, "Messages"];
  return [`# ${channel?.name ?? page.place}`, channel?.topic ?? ""];
}

function drawMessages() {
  const messages = page.messages.filter((one) => one.thread_ts === null);
  drawList($("list"), { messages, all: page.messages, view: view(), channel: true });
  const target = page.linked && $(`m${page.linked}`);
  target?.scrollIntoView({ block: "center" });
  target?.classList.add("linked");
  page.linked = null;
}

function drawHome() {
  const home = page.state.homes[page.me];
  const context = { ...view(), act: (action) => act("interact", { viewId: home.id, user: page.me, action }) };
  const content = home
    ? drawBlocks(home.blocks, context)
    : [h("p", { class: "empty" }, "The app has not published its Home tab yet.")];
  $("list").replaceChildren(h("div", { class: "home" }, content));
}

function drawThread() {
  const root = page.thread && page.messages.find((one) => one.ts === page.thread);
  $("thread").hidden = !root;
  if (!root) return;
  $("thread-place").textContent = `# ${names.channel(page.place) ?? ""}`;
  const messages = [root, ...page.messages.filter((one) => one.thread_ts === root.ts)];
  drawList($("thread-list"), { messages, all: [], view: view() });
  threadComposer.placeholder("Reply…");
}

const mainComposer = setUpComposer($("composer"), view, () => ({ channel: page.place, thread: null }));
const threadComposer = setUpComposer($("thread-composer"), view, () => ({
  channel: page.place,
  thread: page.thread,
}));

let feed;
function listen() {
  feed?.close();
  feed = new EventSource(`/_control/feed?user=${page.me}`);
  feed.addEventListener("message", ({ data }) => {
    const { channel } = JSON.parse(data);
    if (channel && channel !== page.place) page.unread.add(channel);
    void refresh();
  });
}

$("as").addEventListener("change", (event) => {
  void show({
    me: event.target.value,
    thread: null,
    place: page.place.startsWith("D") ? "C0MIGRATION" : page.place,
  });
  listen();
});
$("thread-close").addEventListener("click", () => void show({ thread: null }));
$("theme").addEventListener("click", () => {
  const dark = getComputedStyle(document.documentElement).colorScheme === "dark";
  document.documentElement.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("theme", dark ? "light" : "dark");
});

await refresh();
// `still` is for pictures of the page: an open connection keeps a headless browser waiting.
if (!query.has("still")) listen();
// Pictures grow the list after it was drawn.
$("list").addEventListener("load", () => ($("list").scrollTop = $("list").scrollHeight), true);
