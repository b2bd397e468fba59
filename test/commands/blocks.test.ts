import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { render } from "#commands/blocks.ts";
import { cut } from "#commands/blocks-inline.ts";
import { tableIsCut, tableTexts } from "#commands/blocks-table.ts";
import { spell } from "#commands/spell.ts";
import { linkTo, type Message, mention, mentionGroup, type Part } from "#domain/message.ts";
import { checkBlocks } from "#lab/slack/block-rules.ts";

function message(...parts: Part[]): Message {
  return { subject: "orders · assess", tone: "done", note: "done in 41 s", parts };
}

function fields(value: string): unknown {
  return render(message({ kind: "facts", rows: [{ label: "Pause", value }] })).blocks[1];
}

function rich(text: string): unknown {
  const [, block] = render(message({ kind: "text", text })).blocks;
  if (block?.type !== "rich_text") return block;
  return block.elements.flatMap(({ elements }): unknown[] => elements);
}

describe("text", () => {
  test("keeps bold, code and mentions, and shows everything else literally", () => {
    expect(rich(`*2* of \`a_b\`: ${mention("U0ANA")} ${mentionGroup("S0OWN")} <!here> _x_ a*b*c`)).toEqual([
      { type: "text", text: "2", style: { bold: true } },
      { type: "text", text: " of " },
      { type: "text", text: "a_b", style: { code: true } },
      { type: "text", text: ": " },
      { type: "user", user_id: "U0ANA" },
      { type: "text", text: " " },
      { type: "usergroup", usergroup_id: "S0OWN" },
      { type: "text", text: " <!here> _x_ a*b*c" },
    ]);
  });

  test("names people inside of bold text", () => {
    expect(rich(`*Denied by ${mention("U0BEN")} at 14:10.* Nothing was changed.`)).toEqual([
      { type: "text", text: "Denied by ", style: { bold: true } },
      { type: "user", user_id: "U0BEN" },
      { type: "text", text: " at 14:10.", style: { bold: true } },
      { type: "text", text: " Nothing was changed." },
    ]);
  });

  test("links addresses without the full stop behind them", () => {
    expect(rich("See https://example.com/a?b=1.")).toEqual([
      { type: "text", text: "See " },
      { type: "link", url: "https://example.com/a?b=1" },
      { type: "text", text: "." },
    ]);
  });

  test("draws a link by its words", () => {
    const text = `${linkTo("https://example.com/p1", "open")}, please`;
    expect(rich(text)).toEqual([
      { type: "link", url: "https://example.com/p1", text: "open" },
      { type: "text", text: ", please" },
    ]);
    expect(render(message({ kind: "text", text })).text).toContain("<https://example.com/p1|open>, please");
  });

  test("draws the signs of approval as Slack's own", () => {
    expect(rich("✅ or ⚠️")).toEqual([
      { type: "emoji", name: "white_check_mark" },
      { type: "text", text: " or " },
      { type: "emoji", name: "warning" },
    ]);
  });

  test("somebody without a Slack id is a plain word", () => {
    expect(rich(`${mention("schedule")} asks`)).toEqual([
      { type: "text", text: "schedule" },
      { type: "text", text: " asks" },
    ]);
  });

  test("escapes where Slack reads mrkdwn", () => {
    expect(fields("a < b & <!channel> _x_ `_y_` @{U0ANA}")).toEqual({
      type: "section",
      fields: [
        {
          type: "mrkdwn",
          text: "*Pause*\na &lt; b &amp; &lt;!channel&gt; \u2060_x_ `_y_` <@U0ANA>",
        },
      ],
    });
    expect(render(message({ kind: "text", text: "a < b & c" })).text).toContain("a &lt; b &amp; c");
  });
});

describe("tables", () => {
  const columns = [
    { title: "wave", align: "left" },
    { title: "behind", align: "right" },
  ] as const;

  test("align text left and numbers right", () => {
    expect(
      tableTexts(columns, [
        ["billing", "0"],
        ["shipping", "18,400"],
      ]),
    ).toEqual([["wave      behind", "billing        0", "shipping  18,400"].join("\n")]);
  });

  test("long ones are cut and say how much is missing", () => {
    const rows = Array.from({ length: 412 }, (_, index) => [`topic-${index}`, "1"]);
    const lines = tableTexts(columns, rows).join("\n").split("\n");
    expect(lines).toHaveLength(102);
    expect(lines.at(-1)).toBe("… 312 more");
    expect(tableIsCut(columns, rows)).toBe(true);
    expect(render(message({ kind: "table", columns, rows })).whole).toContain("| topic-411 | 1 |");
  });

  test("wide ones are split, each piece with its titles, and nothing is left out", () => {
    const rows = Array.from({ length: 90 }, (_, index) => [`${"t".repeat(40)}-${index}`, "1"]);
    const pieces = tableTexts(columns, rows);
    expect(pieces.length).toBeGreaterThan(1);
    for (const piece of pieces) {
      expect(piece.length).toBeLessThanOrEqual(2900);
      expect(piece.startsWith("wave ")).toBe(true);
    }
    expect(pieces.flatMap((piece) => piece.split("\n").slice(1))).toHaveLength(90);
    expect(tableIsCut(columns, rows)).toBe(false);
    expect(render(message({ kind: "table", columns, rows })).whole).toBeUndefined();
  });

  test("a long name keeps both ends", () => {
    const name = `${"a".repeat(60)}-${"b".repeat(60)}`;
    const [, row = ""] = (tableTexts(columns, [[name, "1"]])[0] ?? "").split("\n");
    expect(row).toMatch(/^a+…b+ +1$/);
    expect(row.length).toBeLessThan(60);
  });
});

describe("progress", () => {
  test("draws a bar of what is done", () => {
    const part = { kind: "progress", step: "copy topics", done: 3, of: 12, leftMs: 41_000 } as const;
    expect(render(message(part)).text).toContain(
      "copy topics  ▓▓▓▓▓░░░░░░░░░░░░░░░  3 of 12 · about 41 s left",
    );
  });

  test("draws none when the total is not known", () => {
    expect(render(message({ kind: "progress", step: "read", done: 3, of: 0 })).text).toContain(
      "read  3 of 0",
    );
  });

  test.each([
    [450, "450 ms"],
    [2600, "2.6 s"],
    [41_000, "41 s"],
    [900_000, "15 min"],
    [172_800_000, "48 h"],
  ])("%i ms is %s", (ms, text) => expect(spell(ms)).toBe(text));
});

function headline(tone: Message["tone"], note: string): string {
  return render({ subject: "orders · assess", tone, note, parts: [] }).text;
}

test("working and done differ in sign and word, and no word is said twice", () => {
  expect(headline("working", "request 7K3Q")).toBe("⏳ *orders · assess*   working · request 7K3Q");
  expect(headline("done", "done in 41 s")).toBe("✓ *orders · assess*   done in 41 s");
  expect(headline("done", "request 7K3Q")).toBe("✓ *orders · assess*   done · request 7K3Q");
  expect(headline("failed", "stopped at 14:07")).toBe("✗ *orders · assess*   stopped at 14:07");
  expect(headline("info", "")).toBe("⛴ *orders · assess*");
});

test("long text is split between lines, and what is still too long comes as a whole too", () => {
  const line = "x".repeat(99);
  const fits = render(message({ kind: "text", text: Array.from({ length: 100 }, () => line).join("\n") }));
  expect(fits.blocks).toHaveLength(5);
  expect(fits.whole).toBeUndefined();
  const endless = Array.from({ length: 1000 }, (_, index) => `${line} ${index}`).join("\n");
  const rendered = render(message({ kind: "text", text: endless }));
  expect(rendered.whole).toContain(`${line} 999`);
});

test("buttons type a command; what cannot be taken back asks first", () => {
  const actions = [
    { label: "Details", command: "status" },
    { label: "Abort", command: "cancel 7K3Q", confirm: "It turns back where that is safe." },
  ];
  const { blocks } = render({ ...message(), next: ["lag"], actions });
  checkBlocks(blocks, () => true);
  expect(blocks.at(-1)).toMatchObject({
    type: "actions",
    elements: [
      { action_id: "ferry-command-0", value: "status" },
      { action_id: "ferry-command-1", value: "cancel 7K3Q", style: "danger" },
    ],
  });
});

test("next commands stand last", () => {
  expect(render({ ...message(), next: ["plan", "lag"] }).blocks.at(-1)).toEqual({
    type: "context",
    elements: [{ type: "mrkdwn", text: "next: `/ferry plan` · `/ferry lag`" }],
  });
});

const word = fc.oneof(
  fc.string({ unit: "binary", maxLength: 30 }),
  fc.constantFrom(
    "`",
    "*",
    "_",
    "&",
    "<",
    "\n",
    "@{U0ANA}",
    "@group{S0}",
    "⛴️",
    "https://x.y/",
    "&".repeat(4000),
  ),
  fc.string({ maxLength: 5000 }),
);
const text = fc.array(word, { maxLength: 8 }).map((words) => words.join(" "));
const amount = fc.oneof(fc.integer(), fc.double(), fc.constant(Number.NaN));
const part: fc.Arbitrary<Part> = fc.oneof(
  fc.record({ kind: fc.constant("text" as const), text }),
  fc.record({ kind: fc.constant("note" as const), text }),
  fc.record({ kind: fc.constant("code" as const), text }),
  fc.record({ kind: fc.constant("image" as const), fileId: fc.constant("F0"), alt: text }),
  fc.record({
    kind: fc.constant("facts" as const),
    rows: fc.array(fc.record({ label: text, value: word }), { maxLength: 30 }),
  }),
  fc.record({
    kind: fc.constant("checks" as const),
    title: text,
    items: fc.array(fc.record({ state: fc.constantFrom("pass", "fail", "warn", "unknown"), text }), {
      maxLength: 60,
    }),
  }),
  fc.record({ kind: fc.constant("progress" as const), step: text, done: amount, of: amount, leftMs: amount }),
  fc.record({
    kind: fc.constant("table" as const),
    columns: fc.array(fc.record({ title: word, align: fc.constantFrom("left", "right") }), { maxLength: 30 }),
    rows: fc.array(fc.array(word, { maxLength: 12 }), { maxLength: 60 }),
  }),
);
const anyMessage: fc.Arbitrary<Message> = fc.record({
  subject: text,
  tone: fc.constantFrom("working", "done", "failed", "waiting", "stopped", "info", "alarm"),
  note: text,
  parts: fc.array(part, { maxLength: 80 }),
  next: fc.array(text, { maxLength: 20 }),
  actions: fc.array(fc.record({ label: text, command: text, confirm: text }), { maxLength: 8 }),
});

/** Every string that Slack would draw, wherever it stands. */
function strings(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(strings) : [];
}

test("no message ever breaks Slack's limits", () => {
  fc.assert(
    fc.property(anyMessage, (any) => {
      const rendered = render(any);
      checkBlocks(rendered.blocks, () => true);
      expect(rendered.text.trim()).not.toBe("");
      expect(rendered.text.length).toBeLessThanOrEqual(3000);
      expect(Math.max(...strings(rendered.blocks).map((each) => each.length))).toBeLessThanOrEqual(3000);
      expect(JSON.stringify(rendered.blocks).length).toBeLessThan(40_000);
      const drawn = rendered.blocks.flatMap((block) =>
        block.type === "rich_text" ? strings(block.elements) : [],
      );
      expect(drawn).not.toContain("");
    }),
    { numRuns: 200 },
  );
});

test("a cut never leaves half a character", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.nat(40), (any, max) => {
      expect(cut(any, max + 1).isWellFormed()).toBe(any.isWellFormed());
    }),
  );
});
