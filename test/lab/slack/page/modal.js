import { drawBlocks } from "./blocks.js";
import { $, act, h } from "./dom.js";
import { valuesIn } from "./elements.js";

let shownHash = null;
let closeFront = () => undefined;

// The escape key asks to close; the workspace decides, so that the app hears of it.
$("modal").addEventListener("cancel", (event) => {
  event.preventDefault();
  closeFront();
});

/** Shows the front modal of the person, or none. It is redrawn only when it changed. */
export function drawModal(stack, context) {
  const dialog = $("modal");
  const view = stack.at(-1);
  const hash = view?.hash ?? null;
  if (hash === shownHash) return;
  shownHash = hash;
  if (!view) return dialog.close();
  const me = context.me;
  const close = () => act("view", { user: me, close: true });
  closeFront = close;
  const blocks = drawBlocks(view.blocks, {
    ...context,
    act: (action) => act("interact", { viewId: view.id, user: me, action }),
  });
  dialog.replaceChildren(
    h(
      "form",
      { onsubmit: (event) => submit(event, dialog, me), novalidate: true },
      h(
        "header",
        {},
        h("h2", {}, view.title?.text ?? ""),
        h("button", { type: "button", "aria-label": "Close", onclick: close }, "✕"),
      ),
      h("div", { class: "inside" }, blocks),
      h(
        "footer",
        {},
        h("button", { type: "button", class: "button", onclick: close }, view.close?.text ?? "Close"),
        view.submit && h("button", { class: "button primary" }, view.submit.text),
      ),
    ),
  );
  if (!dialog.open) dialog.showModal();
  dialog.querySelector("[data-block]")?.focus();
}

async function submit(event, dialog, user) {
  event.preventDefault();
  for (const place of dialog.querySelectorAll("[data-error]")) place.textContent = "";
  const outcome = await act("view", { user, values: valuesIn(dialog) });
  for (const [block, words] of Object.entries(outcome.errors ?? {})) {
    const place = dialog.querySelector(`[data-error="${CSS.escape(block)}"]`);
    if (place) place.textContent = words;
  }
}
