import * as fc from "fast-check";
import { expect, test } from "vitest";
import { withinLimits } from "#adapters/slack/block-limits.ts";
import { render } from "#commands/blocks.ts";
import { checkBlocks } from "#lab/slack/block-rules.ts";

const text = (max: number) => ({ type: "mrkdwn", text: "x".repeat(max) });
const section = (max: number) => ({ type: "section", text: text(max) });
const rich = (elements: object[]) => ({
  type: "rich_text",
  elements: [{ type: "rich_text_section", elements }],
});
const button = (change: object = {}) => ({
  type: "button",
  action_id: "a",
  text: { type: "plain_text", text: "Go" },
  ...change,
});

test.each([
  ["a section's text", section(3000), section(3001)],
  [
    "fields",
    { type: "section", fields: Array(10).fill(text(10)) },
    { type: "section", fields: Array(11).fill(text(10)) },
  ],
  ["a field", { type: "section", fields: [text(2000)] }, { type: "section", fields: [text(2001)] }],
  [
    "context",
    { type: "context", elements: Array(10).fill(text(1)) },
    { type: "context", elements: Array(11).fill(text(1)) },
  ],
  [
    "buttons",
    { type: "actions", elements: Array(25).fill(button()) },
    { type: "actions", elements: Array(26).fill(button()) },
  ],
  [
    "a button's value",
    { type: "actions", elements: [button({ value: "x".repeat(2000) })] },
    { type: "actions", elements: [button({ value: "x".repeat(2001) })] },
  ],
  ["rich text", rich([{ type: "text", text: "x" }]), rich([])],
  [
    "a person's id",
    rich([{ type: "user", user_id: "U0ANA" }]),
    rich([{ type: "user", user_id: "schedule" }]),
  ],
  [
    "an image",
    { type: "image", slack_file: { id: "F0" }, alt_text: "x" },
    { type: "image", slack_file: { id: "F0" }, alt_text: "" },
  ],
  ["a known type", { type: "divider" }, { type: "carousel" }],
])("%s: what fits is sent, what does not becomes a file", (_, fits, tooBig) => {
  const content = { text: "orders", blocks: [fits, tooBig] };
  const { blocks, problems, whole } = withinLimits(content);
  expect(blocks).toEqual([fits]);
  expect(problems).toHaveLength(1);
  expect(whole).toContain("orders");
});

test("50 blocks a message, 100 a Home tab, and the words of the rest are kept", () => {
  const blocks = Array.from({ length: 120 }, (_, index) => rich([{ type: "text", text: `line ${index}` }]));
  const message = withinLimits({ text: "long", blocks });
  expect(message.blocks).toHaveLength(50);
  expect(message.whole).toContain("line 119");
  expect(withinLimits({ text: "long", blocks }, "home").blocks).toHaveLength(100);
});

test("all words together stay below what Slack takes", () => {
  const { blocks, whole } = withinLimits({
    text: "long",
    blocks: Array.from({ length: 6 }, () => section(2900)),
  });
  expect(blocks).toHaveLength(4);
  expect(whole?.length).toBeGreaterThan(5000);
});

test("there is always a text for notifications, and never too long a one", () => {
  expect(withinLimits({ text: "", blocks: [] }).text).not.toBe("");
  expect(withinLimits({ text: "x".repeat(50_000), blocks: [] }).text).toHaveLength(4000);
});

test("whatever blocks it is given, what is left is sendable", () => {
  const any = fc.oneof(
    fc.constantFrom(
      section(10),
      section(4000),
      rich([]),
      { type: "actions", elements: [button()] },
      { type: "header" },
    ),
    fc.record({ type: fc.constantFrom("section", "context", "image", "rich_text"), elements: fc.anything() }),
  );
  fc.assert(
    fc.property(fc.array(any, { maxLength: 70 }), (blocks) => {
      checkBlocks(structuredClone(withinLimits({ text: "x", blocks }).blocks), () => true);
    }),
    { numRuns: 200 },
  );
  expect(any).toBeDefined();
});

test("what the renderer makes passes as it is", () => {
  const rows = Array.from({ length: 90 }, (_, index) => [`topic-${index}`, "1"]);
  const columns = [
    { title: "topic", align: "left" },
    { title: "behind", align: "right" },
  ] as const;
  const rendered = render({
    subject: "orders · lag",
    tone: "done",
    parts: [
      { kind: "table", columns, rows },
      { kind: "text", text: "*bold* `code` @{U0ANA} @group{S0OWNERS} #{C0MIGRATION} ⛴ https://example.com" },
      { kind: "facts", rows: [{ label: "Pause", value: "3 s" }] },
      { kind: "image", fileId: "F0", alt: "lag" },
    ],
    next: ["lag"],
    actions: [{ label: "Cancel", command: "cancel 7K3Q", confirm: "Sure?" }],
  });
  expect(withinLimits(rendered)).toEqual({ ...rendered, problems: [] });
});
