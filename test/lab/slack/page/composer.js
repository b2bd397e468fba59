import { act, h } from "./dom.js";

/** Where a person types: a message, or a slash command (not in threads, as in Slack). */
export function setUpComposer(form, view, place) {
  const box = h("textarea", { rows: 1, "aria-label": "Message", spellcheck: "false" });
  const hint = h("div", { class: "hint", hidden: true });
  const send = h("button", { class: "send", title: "Send", "aria-label": "Send" }, "➤");

  const grow = () => {
    box.style.height = "auto";
    box.style.height = `${Math.min(box.scrollHeight, 200)}px`;
    send.classList.toggle("ready", box.value.trim() !== "");
    const typed = box.value;
    const fits = place().thread
      ? []
      : view().commands.filter(
          (name) => typed.startsWith("/") && !typed.includes(" ") && name.startsWith(typed),
        );
    hint.hidden = fits.length === 0;
    hint.replaceChildren(
      ...fits.map((name) =>
        h(
          "button",
          { type: "button", onclick: () => fill(`${name} `) },
          h("b", {}, name),
          ` ${view().appName}`,
        ),
      ),
    );
  };
  const fill = (text) => {
    box.value = text;
    box.focus();
    grow();
  };
  const submit = async () => {
    const text = box.value.trim();
    if (text === "") return;
    fill("");
    const outcome = await say(text, view().me, place());
    const shown = ["operation_timeout", "dispatch_failed"];
    if (!outcome.ok && !shown.includes(outcome.error)) fill(text);
  };
  box.addEventListener("input", grow);
  box.addEventListener("keydown", (event) => {
    if (event.key === "Tab" && !hint.hidden) {
      event.preventDefault();
      hint.querySelector("button")?.click();
    }
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    void submit();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void submit();
  });
  form.replaceChildren(hint, h("div", { class: "row" }, box, send));
  return { placeholder: (text) => (box.placeholder = text) };
}

function say(text, user, { channel, thread }) {
  const typed = thread ? null : /^(\/\S+)\s*([\s\S]*)$/.exec(text);
  if (typed) return act("command", { channel, user, command: typed[1], text: typed[2] });
  return act("message", { channel, user, text, ...(thread && { thread_ts: thread }) });
}
