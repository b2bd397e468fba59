/** An element with attributes, `on…` listeners and children; text is always text, never markup. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(
    ...children.flat(9).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

export const $ = (id) => document.getElementById(id);

/** Acts as a person; what Slack's client would show as an error comes as a short notice. */
export async function act(name, body) {
  const response = await fetch(`/_control/${name}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const outcome = await response.json();
  const quiet = ["already_reacted", "no_reaction", "missing_input"];
  if (!outcome.ok && !quiet.includes(outcome.error)) toast(outcome.error);
  return outcome;
}

export async function read(path) {
  return (await fetch(`/_control/${path}`)).json();
}

let hiding;
export function toast(text) {
  const box = $("toast");
  box.textContent = text;
  box.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => (box.hidden = true), 4000);
}

/** Asks before a button with a `confirm` object acts. */
export function confirmed(question) {
  if (!question) return Promise.resolve(true);
  const dialog = $("confirm");
  return new Promise((resolve) => {
    dialog.replaceChildren(
      h("h2", {}, question.title.text),
      h("p", {}, question.text.text),
      h(
        "footer",
        {},
        h(
          "button",
          { type: "button", class: "button", onclick: () => dialog.close("no") },
          question.deny.text,
        ),
        h(
          "button",
          {
            type: "button",
            class: `button ${question.style ?? "primary"}`,
            onclick: () => dialog.close("yes"),
          },
          question.confirm.text,
        ),
      ),
    );
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
    dialog.returnValue = "";
    dialog.showModal();
  });
}

export function timeOf(ts, seconds = false) {
  const options = { hour: "2-digit", minute: "2-digit", ...(seconds && { second: "2-digit" }) };
  return new Date(Number(ts) * 1000).toLocaleTimeString("en-GB", options);
}

export function dayOf(ts) {
  const date = new Date(Number(ts) * 1000);
  const today = new Date();
  if (date.toDateString() === today.toDateString()) return "Today";
  return date.toLocaleDateString("en-GB", { weekday: "long", day: "numeric", month: "long" });
}
