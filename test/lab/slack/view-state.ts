import { z } from "zod";
import type { View } from "./block-rules.ts";

const elementRules = z.looseObject({
  type: z.string(),
  action_id: z.string(),
  options: z.array(z.looseObject({ value: z.string() })).optional(),
});
const inputRules = z.looseObject({
  type: z.literal("input"),
  block_id: z.string(),
  optional: z.boolean().default(false),
  element: elementRules,
});
type Element = z.output<typeof elementRules>;

const byBlock = z.record(z.string(), z.record(z.string(), z.unknown()));

/** The name under which each element type reports what was chosen. */
const fieldOf: Record<string, string> = {
  static_select: "selected_option",
  radio_buttons: "selected_option",
  multi_static_select: "selected_options",
  checkboxes: "selected_options",
  users_select: "selected_user",
  multi_users_select: "selected_users",
  channels_select: "selected_channel",
  conversations_select: "selected_conversation",
  datepicker: "selected_date",
  timepicker: "selected_time",
};

/** `state.values` of a submitted modal from `{ block_id: { action_id: text, option value or whole state } }`.
 * Empty inputs that are not optional come back in `errors`, as Slack's client would mark them. */
export function stateOf(view: View, given: unknown) {
  const values: Record<string, Record<string, unknown>> = {};
  const errors: Record<string, string> = {};
  const answers = byBlock.catch({}).parse(given);
  for (const block of view.blocks) {
    const input = inputRules.safeParse(block);
    if (!input.success) continue;
    const { block_id: id, element, optional } = input.data;
    const raw = answers[id]?.[element.action_id];
    if (isEmpty(raw) && !optional) errors[id] = "Please complete this required field.";
    values[id] = { [element.action_id]: stateOfElement(element, raw) };
  }
  return { values, errors: Object.keys(errors).length > 0 ? errors : null };
}

function isEmpty(raw: unknown): boolean {
  return raw === undefined || raw === null || raw === "";
}

function stateOfElement(element: Element, raw: unknown): unknown {
  if (typeof raw === "object" && raw !== null && !Array.isArray(raw)) return { type: element.type, ...raw };
  const field = fieldOf[element.type] ?? "value";
  const options = (element.options ?? []).filter((option) => [raw].flat().includes(option.value));
  if (field === "selected_option") return { type: element.type, selected_option: options[0] ?? null };
  if (field === "selected_options") return { type: element.type, selected_options: options };
  return { type: element.type, [field]: isEmpty(raw) ? null : raw };
}
