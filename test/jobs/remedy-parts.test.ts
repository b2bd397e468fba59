import { expect, it } from "vitest";
import { render } from "#commands/blocks.ts";
import type { Message } from "#domain/message.ts";
import { raiseAlarm } from "#jobs/mirror/alarm-message.ts";
import { remedyParts } from "#jobs/mirror/remedy-parts.ts";
import { createSmallWork } from "#support/small-work.ts";

const url = "http://connect:8083/connectors/ferry-orders-billing-forward/config";
const undo = `curl -s ${url} | jq '."tasks.max"="2"' | curl -s -X PUT -d @- ${url}?a=1&b=<2>`;
const remedy = { title: "add tasks", command: "curl", undo };

function blocksOf(parts: Message["parts"]): string {
  return JSON.stringify(render({ subject: "orders", tone: "alarm", parts }).blocks);
}

it("shows how to take a remedy back as code, in which nothing is a link and everything is escaped", () => {
  const text = undo.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
  const block = { type: "context", elements: [{ type: "mrkdwn", text: `Undo: \`${text}\`` }] };
  expect(render({ subject: "orders", tone: "alarm", parts: remedyParts([remedy]) }).blocks).toContainEqual(
    block,
  );
});

it("shows it as a block where a line of code cannot hold it, and whole", () => {
  const brokers = Array.from({ length: 60 }, (_, at) => `broker-${at}.kafka.example:9092`).join(",");
  for (const long of [`kafka-configs.sh --bootstrap-server ${brokers} --alter`, "a `b` c", "one\ntwo"]) {
    const parts = remedyParts([{ ...remedy, undo: long }]);
    expect(parts.slice(-2)).toEqual([
      { kind: "text", text: "Undo:" },
      { kind: "code", text: long },
    ]);
    expect(blocksOf(parts)).toContain(JSON.stringify(long));
  }
});

it("is what an alarm says, too", async () => {
  const work = createSmallWork();
  const posted: Message[] = [];
  const post = async (_channel: string, message: Message) => {
    posted.push(message);
    return { channel: "C0MIGRATION", ts: "1" };
  };
  const chat = { ...work.chat, post };
  await raiseAlarm({ key: "k", title: "race", text: "soon", remedies: [remedy] }, { ...work, chat });
  expect(posted[0]?.parts.slice(1)).toEqual(remedyParts([remedy]));
});
