import { confirmed, h } from "./dom.js";
import { textNodes } from "./mrkdwn.js";

/** A button, select or other element a person can use in a message, a modal or the Home tab. */
export function interactiveElement(element, blockId, context) {
  const send = async (chosen) => {
    if (!(await confirmed(element.confirm))) return;
    context.act({ type: element.type, action_id: element.action_id, block_id: blockId, ...chosen });
  };
  if (element.type === "button") return button(element, context, send);
  if (element.options) return choice(element, context, send);
  return inputElement(element, blockId, context, (value) => send(selection(element.type, value)));
}

function button(element, context, send) {
  const press = async (event) => {
    event.currentTarget.disabled = true;
    setTimeout((target) => (target.disabled = false), 600, event.currentTarget);
    if (element.url) window.open(element.url, "_blank", "noreferrer");
    await send(element.value === undefined ? {} : { value: element.value });
  };
  return h(
    "button",
    { type: "button", class: `button ${element.style ?? ""}`, onclick: press },
    textNodes(element.text, context),
  );
}

function choice(element, context, send) {
  if (element.type === "radio_buttons" || element.type === "checkboxes") {
    const kind = element.type === "checkboxes" ? "checkbox" : "radio";
    return h(
      "div",
      { class: "choices" },
      element.options.map((option) =>
        h(
          "label",
          {},
          h("input", {
            type: kind,
            name: element.action_id,
            value: option.value,
            onchange: () => send({ selected_option: option }),
          }),
          textNodes(option.text, context),
        ),
      ),
    );
  }
  const first = element.type === "overflow" ? "⋯" : (element.placeholder?.text ?? "Choose…");
  const pick = (event) => {
    const option = element.options.find((one) => one.value === event.target.value);
    if (option) send({ selected_option: option });
  };
  return h(
    "select",
    { class: "button", onchange: pick },
    h("option", { value: "" }, first),
    element.options.map((option) =>
      h(
        "option",
        { value: option.value, selected: option.value === element.initial_option?.value },
        option.text.text,
      ),
    ),
  );
}

function selection(type, value) {
  const field =
    { users_select: "selected_user", datepicker: "selected_date", timepicker: "selected_time" }[type] ??
    "value";
  return { [field]: value };
}

const kinds = {
  datepicker: "date",
  timepicker: "time",
  number_input: "number",
  email_text_input: "email",
  url_text_input: "url",
};

/** The field of an `input` block; `data-block` and `data-action` say where its value belongs. */
export function inputElement(element, blockId, context, changed) {
  const where = {
    id: blockId,
    "data-block": blockId,
    "data-action": element.action_id,
    onchange: changed && ((event) => changed(event.target.value)),
  };
  const hint = element.placeholder?.text;
  const kind = { checkboxes: "checkbox", radio_buttons: "radio" }[element.type];
  if (kind) return boxes(element, kind, where, context);
  if (element.options)
    return picker(
      where,
      hint,
      element.options.map((one) => [one.value, one.text.text]),
      element.initial_option?.value,
    );
  if (element.type === "users_select")
    return picker(
      where,
      hint,
      context.people.map((one) => [one.id, one.real_name]),
      element.initial_user,
    );
  const field = { ...where, placeholder: hint, value: initialOf(element) };
  return element.multiline
    ? h("textarea", { ...field, rows: 4 })
    : h("input", { ...field, type: kinds[element.type] ?? "text" });
}

function initialOf(element) {
  return element.initial_value ?? element.initial_date ?? element.initial_time ?? "";
}

function boxes(element, kind, where, context) {
  return h(
    "div",
    { class: "choices", ...where },
    element.options.map((option) =>
      h(
        "label",
        {},
        h("input", { type: kind, name: where.id, value: option.value }),
        textNodes(option.text, context),
      ),
    ),
  );
}

function picker(where, hint, options, initial) {
  const shown = options.map(([value, text]) => h("option", { value, selected: value === initial }, text));
  return h("select", where, h("option", { value: "" }, hint ?? "Choose…"), shown);
}

/** What a person filled in, in the form the workspace takes. */
export function valuesIn(root) {
  const values = {};
  for (const field of root.querySelectorAll("[data-block]")) {
    const chosen = [...field.querySelectorAll("input:checked")].map((one) => one.value);
    const box = field.querySelector("input[type=checkbox]");
    const value = field.matches(".choices") ? (box ? chosen : (chosen[0] ?? "")) : field.value;
    values[field.dataset.block] = { [field.dataset.action]: value };
  }
  return values;
}
