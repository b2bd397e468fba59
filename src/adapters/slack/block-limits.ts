import { z } from "zod";
import type { Rendered } from "./sending.ts";

/**
 * The last look before something is sent: Slack refuses a whole message for one block that is too big. Source of the
 * figures: docs.slack.dev/reference/block-kit/blocks; of the length of `text`, chat.postMessage.
 */
const most = { message: 50, home: 100, text: 4000, characters: 13_000 } as const;

const blockId = z.string().max(255).optional();

function words(max: number) {
  return z.string().min(1).max(max);
}

const plain = (max: number) => z.object({ type: z.literal("plain_text"), text: words(max) });
const either = (max: number) => z.object({ type: z.enum(["plain_text", "mrkdwn"]), text: words(max) });

const Confirm = z.object({ title: plain(100), text: either(300), confirm: plain(30), deny: plain(30) });
const Button = z.object({
  type: z.literal("button"),
  action_id: words(255),
  text: plain(75),
  value: z.string().max(2000).optional(),
  url: words(3000).optional(),
  style: z.enum(["primary", "danger"]).optional(),
  confirm: Confirm.optional(),
});

const Inline = z.discriminatedUnion("type", [
  z.object({ type: z.literal("text"), text: words(3000) }),
  z.object({ type: z.literal("link"), url: words(3000), text: z.string().optional() }),
  z.object({ type: z.literal("broadcast"), range: z.enum(["here", "channel", "everyone"]) }),
  z.object({ type: z.literal("emoji"), name: words(100) }),
  z.object({ type: z.literal("user"), user_id: z.string().regex(/^[UW][A-Z0-9]+$/) }),
  z.object({ type: z.literal("usergroup"), usergroup_id: z.string().regex(/^S[A-Z0-9]+$/) }),
  z.object({ type: z.literal("channel"), channel_id: z.string().regex(/^[CDG][A-Z0-9]+$/) }),
]);

const Block = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("rich_text"),
    block_id: blockId,
    elements: z
      .array(
        z.object({
          type: z.enum(["rich_text_section", "rich_text_preformatted"]),
          elements: z.array(Inline).min(1),
        }),
      )
      .min(1),
  }),
  z
    .object({
      type: z.literal("section"),
      block_id: blockId,
      text: either(3000).optional(),
      fields: z.array(either(2000)).min(1).max(10).optional(),
    })
    .refine(({ text, fields }) => text !== undefined || fields !== undefined),
  z.object({ type: z.literal("context"), block_id: blockId, elements: z.array(either(3000)).min(1).max(10) }),
  z.object({ type: z.literal("actions"), block_id: blockId, elements: z.array(Button).min(1).max(25) }),
  z.object({
    type: z.literal("image"),
    block_id: blockId,
    slack_file: z.object({ id: words(100) }),
    alt_text: words(2000),
  }),
  z.object({ type: z.literal("divider"), block_id: blockId }),
]);

export type Checked = Rendered & {
  /** What was left out, for the log: "block 3 (rich_text): Too big …". */
  readonly problems: readonly string[];
};

/**
 * The same content with every block that Slack would refuse taken out; its words go into `whole`, which becomes a file.
 * Nothing here ever fails.
 */
export function withinLimits(content: Rendered, place: "message" | "home" = "message"): Checked {
  const problems: string[] = [];
  const kept: object[] = [];
  const left: string[] = [];
  let characters = 0;
  for (const [index, block] of content.blocks.entries()) {
    const inside = strings(block).join(" ");
    const problem = problemOf(block, kept.length, characters + inside.length, place);
    if (problem === undefined) {
      kept.push(block);
      characters += inside.length;
    } else {
      problems.push(`block ${index}: ${problem}`);
      left.push(inside);
    }
  }
  const text = content.text.length > most.text ? `${content.text.slice(0, most.text - 1)}…` : content.text;
  const whole = content.whole ?? (left.length > 0 ? `${content.text}\n\n${left.join("\n\n")}\n` : undefined);
  return { text: text || "MSK Ferry", blocks: kept, problems, ...(whole !== undefined && { whole }) };
}

function problemOf(
  block: object,
  before: number,
  characters: number,
  place: "message" | "home",
): string | undefined {
  if (before >= most[place]) return `more than ${most[place]} blocks`;
  if (place === "message" && characters > most.characters)
    return `more than ${most.characters} characters in all`;
  const parsed = Block.safeParse(block);
  return parsed.success ? undefined : z.prettifyError(parsed.error);
}

/** The words of a block, wherever they stand; names of types and styles left out. */
function strings(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(strings);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]) => {
    if (typeof inner === "string")
      return key === "text" || key === "alt_text" || key === "url" ? [inner] : [];
    return strings(inner);
  });
}
