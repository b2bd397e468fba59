import { z } from "zod";
import { freshId, Refusal } from "./world.ts";

// Limits: docs.slack.dev/reference/block-kit. Where Slack's exact wording is not known, ours says the same thing.

export type Block = { type: string; block_id: string } & Record<string, unknown>;

const blockId = z
  .string()
  .max(255, below(255))
  .default(() => freshId("b"));
const actionId = z
  .string()
  .max(255, below(255))
  .default(() => freshId("a"));

function below(max: number): string {
  return `must be less than ${max + 1} characters`;
}

function words(max: number, min = 1) {
  return z.string().min(min, "must be more than 0 characters").max(max, below(max));
}

function items<S extends z.ZodType>(item: S, max: number, min = 1) {
  return z
    .array(item)
    .min(min, `no fewer than ${min} items allowed`)
    .max(max, `no more than ${max} items allowed`);
}

function plain(max: number) {
  return z.looseObject({ type: z.literal("plain_text"), text: words(max), emoji: z.boolean().optional() });
}

function either(max: number) {
  return z.looseObject({ type: z.enum(["plain_text", "mrkdwn"]), text: words(max) });
}

const pictureSource = {
  image_url: z
    .url({ protocol: /^https?$/ })
    .max(3000, below(3000))
    .optional(),
  slack_file: z.looseObject({ id: z.string().optional(), url: z.string().optional() }).optional(),
};

function oneSource(block: { image_url?: string | undefined; slack_file?: object | undefined }): boolean {
  return (block.image_url === undefined) !== (block.slack_file === undefined);
}

const picture = z
  .looseObject({ type: z.literal("image"), alt_text: words(2000), ...pictureSource })
  .refine(oneSource, "give exactly one of image_url and slack_file");

const option = z.looseObject({ text: either(75), value: words(150), description: either(75).optional() });
const confirm = z.looseObject({ title: plain(100), text: either(300), confirm: plain(30), deny: plain(30) });
const common = { action_id: actionId, confirm: confirm.optional(), placeholder: plain(150).optional() };

const button = z.looseObject({
  ...common,
  type: z.literal("button"),
  text: plain(75),
  value: words(2000, 0).optional(),
  url: words(3000).optional(),
  style: z.enum(["primary", "danger"]).optional(),
});

function choice<T extends string>(type: T, max: number) {
  return z.looseObject({ ...common, type: z.literal(type), options: items(option, max) });
}

function input<T extends string>(type: T) {
  return z.looseObject({ ...common, type: z.literal(type) });
}

const interactive = z.discriminatedUnion("type", [
  button,
  choice("overflow", 5),
  choice("static_select", 100),
  choice("multi_static_select", 100),
  choice("radio_buttons", 10),
  choice("checkboxes", 10),
  input("users_select"),
  input("multi_users_select"),
  input("channels_select"),
  input("conversations_select"),
  input("datepicker"),
  input("timepicker"),
  input("datetimepicker"),
]);

const inputElement = z.discriminatedUnion("type", [
  ...interactive.options,
  input("plain_text_input"),
  input("number_input"),
  input("email_text_input"),
  input("url_text_input"),
]);

const richPart = z.looseObject({
  type: z.enum(["rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote"]),
  elements: z.array(z.looseObject({ type: z.string() })),
});
const richText = z.looseObject({ type: z.literal("rich_text"), elements: z.array(richPart) });

const cell = z.discriminatedUnion("type", [
  z.looseObject({ type: z.literal("raw_text"), text: words(12_000) }),
  z.looseObject({ type: z.literal("raw_number"), value: z.number() }),
  richText,
]);

const column = z
  .looseObject({ align: z.enum(["left", "center", "right"]).optional(), is_wrapped: z.boolean().optional() })
  .nullable();

const block = z.discriminatedUnion("type", [
  z.looseObject({ type: z.literal("header"), block_id: blockId, text: plain(150) }),
  z.looseObject({ type: z.literal("divider"), block_id: blockId }),
  z
    .looseObject({
      type: z.literal("section"),
      block_id: blockId,
      text: either(3000).optional(),
      fields: items(either(2000), 10).optional(),
      accessory: z.discriminatedUnion("type", [picture, ...interactive.options]).optional(),
    })
    .refine((section) => section.text !== undefined || section.fields !== undefined, "give text or fields"),
  z.looseObject({
    type: z.literal("context"),
    block_id: blockId,
    elements: items(z.discriminatedUnion("type", [picture, either(3000)]), 10),
  }),
  z.looseObject({ type: z.literal("actions"), block_id: blockId, elements: items(interactive, 25) }),
  picture.safeExtend({ block_id: blockId, title: plain(2000).optional() }),
  z.looseObject({
    type: z.literal("input"),
    block_id: blockId,
    label: plain(2000),
    hint: plain(2000).optional(),
    element: inputElement,
  }),
  z.looseObject({ type: z.literal("markdown"), block_id: blockId, text: words(12_000) }),
  richText.extend({ block_id: blockId }),
  z.looseObject({
    type: z.literal("table"),
    block_id: blockId,
    rows: items(items(cell, 20), 100),
    column_settings: items(column, 20).optional(),
  }),
  z.looseObject({
    type: z.literal("data_table"),
    block_id: blockId,
    caption: words(2000),
    rows: items(items(cell, 20), 101, 2),
    page_size: z.int().min(1).max(100).optional(),
  }),
]);

const messageBlocks = items(block, 50, 0).superRefine(wholeMessage);
const viewBlocks = items(block, 100, 0).superRefine(uniqueIds);

const view = z.looseObject({
  type: z.enum(["modal", "home"]),
  title: plain(24).optional(),
  submit: plain(24).optional(),
  close: plain(24).optional(),
  blocks: viewBlocks,
  callback_id: z.string().max(255, below(255)).default(""),
  external_id: z.string().max(255, below(255)).default(""),
  private_metadata: z.string().max(3000, below(3000)).default(""),
  notify_on_close: z.boolean().default(false),
  clear_on_close: z.boolean().default(false),
});

/** A modal or Home tab as it is kept; `hash` changes with every change. */
export type View = z.output<typeof view> & { id: string; hash: string; user: string; root: string };
export type ViewContent = z.output<typeof view>;

type Blocks = z.output<typeof block>[];

function uniqueIds(blocks: Blocks, context: z.RefinementCtx): void {
  const seen = new Set<string>();
  for (const [index, { block_id: id }] of blocks.entries()) {
    if (seen.has(id))
      context.addIssue({
        code: "custom",
        message: `block_id ${id} already exists`,
        path: [index, "block_id"],
      });
    seen.add(id);
  }
}

function wholeMessage(blocks: Blocks, context: z.RefinementCtx): void {
  uniqueIds(blocks, context);
  let markdown = 0;
  for (const one of blocks) if (one.type === "markdown") markdown += one.text.length;
  if (markdown > 12_000) context.addIssue({ code: "custom", message: below(12_000) });
}

/** Blocks of a message, checked against Slack's limits, with missing ids filled in. Throws `invalid_blocks`. */
export function checkBlocks(raw: unknown, fileExists: (id: string) => boolean): Block[] {
  const result = messageBlocks.safeParse(raw);
  if (!result.success) throw new Refusal("invalid_blocks", pointers(result.error, "/blocks"));
  const tables = result.data.filter((one) => one.type === "table");
  if (tables.length > 1) throw new Refusal("only_one_table_allowed");
  for (const [index, one] of result.data.entries()) {
    const file = one.type === "image" ? one.slack_file : undefined;
    if (file && !fileExists(file.id ?? fileIdIn(file.url ?? "")))
      throw new Refusal("invalid_blocks", [
        `[ERROR] invalid slack file [json-pointer:/blocks/${index}/slack_file]`,
      ]);
  }
  return result.data;
}

/** A modal or Home tab, checked. Throws `invalid_arguments` as `views.*` do. */
export function checkView(raw: unknown, type: "modal" | "home"): ViewContent {
  const result = view.safeParse(raw);
  if (!result.success) throw new Refusal("invalid_arguments", pointers(result.error, "/view"));
  const content = result.data;
  if (content.type !== type)
    throw new Refusal("invalid_arguments", [`[ERROR] type must be ${type} [json-pointer:/view/type]`]);
  if (type === "modal" && !content.title)
    throw new Refusal("invalid_arguments", ["[ERROR] missing required field: title [json-pointer:/view]"]);
  const asks = content.blocks.some((one) => one.type === "input");
  if (type === "modal" && asks && !content.submit)
    throw new Refusal("invalid_arguments", ["[ERROR] missing required field: submit [json-pointer:/view]"]);
  return content;
}

/** The file id inside a `url_private` or permalink of this workspace. */
function fileIdIn(url: string): string {
  return /\/files\/(F[0-9A-Z]+)/.exec(url)?.[1] ?? "";
}

/** One message per mistake, in Slack's `[json-pointer:…]` form. */
export function pointers(error: z.ZodError, base: string): string[] {
  return error.issues.map((issue) => {
    const unknownType = issue.code === "invalid_union" && issue.path.at(-1) === "type";
    const message = unknownType ? "unsupported type" : issue.message;
    return `[ERROR] ${message} [json-pointer:${[base, ...issue.path.map(String)].join("/")}]`;
  });
}

/** Every interactive element inside blocks, with the block it is in. */
export function elementsIn(blocks: readonly Block[]): { block: Block; element: Record<string, unknown> }[] {
  return blocks.flatMap((block) => recordsWithAction(block).map((element) => ({ block, element })));
}

const anyRecord = z.record(z.string(), z.unknown());

function recordsWithAction(value: unknown): Record<string, unknown>[] {
  if (Array.isArray(value)) return value.flatMap(recordsWithAction);
  const record = anyRecord.safeParse(value);
  if (!record.success) return [];
  const inside = Object.values(record.data).flatMap((part) =>
    typeof part === "object" ? recordsWithAction(part) : [],
  );
  return typeof record.data["action_id"] === "string" ? [record.data, ...inside] : inside;
}
