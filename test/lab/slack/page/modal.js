import { drawBlocks } from "./blocks.js";
import { $, act, h } from "./dom.js";
import { valuesIn } from "./elements.js";

let shownHash = null;

/** Shows the front modal of the person, or none. It is redrawn only when it changed. */
export function drawModal(stack, context) {
  const dialog = $("modal");
  const view = stack.at(-1);
  if ((view?.hash ?? null) === shownHash) return;
  shownHash = view?.hash ?? null;
  if (!view) return dialog.close();
  const me = context.me;
  const close = () => act("view", { user: me, close: true });
  const submit = async (event) => {
    event.preventDefault();
    for (const place of dialog.querySelectorAll("[data-error]")) place.textContent = "";
    const outcome = await act("view", { user: me, values: valuesIn(dialog) });
    for (const [block, words] of Object.entries(outcome.errors ?? {})) {
      const place = dialog.querySelector(`[data-error="${CSS.escape(block)}"]`);
      if (place) place.textContent = words;
    }
  };
  const blocks = drawBlocks(view.blocks, { ...context, act: (action) => act("interact", { viewId: view.id, user: me, action }) });
  dialog.replaceChildren(
    h(
      "form",
      { onsubmit: submit, novalidate: true },
      h("header", {}, h("h2", {}, view.title?.text ?? ""), h("button", { type: "button", "aria-label": "Close", onclick: close }, "✕")),
      h("div", { class: "inside" }, blocks),
      h("footer", {}, h("button", { type: "button", class: "button", onclick: close }, view.close?.text ?? "Close"), view.submit && h("button", { class: "button primary" }, view.submit.text)),
    ),
  );
  dialog.oncancel = (event) => {
    event.preventDefault();
    close();
  };
  if (!dialog.open) dialog.showModal();
}
