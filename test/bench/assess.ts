import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { kafkaFor } from "#lab/apps/connection.ts";
import { connectionTo } from "#lab/apps/fleet.ts";
import { createRunFolder } from "#lab/folders.ts";
import { startBroker } from "#lab/kafka.ts";
import { fill } from "./broker-fill.ts";
import { startScript } from "./child-script.ts";
import { load } from "./figures.ts";
import { fixtureOf } from "./lag-fixture.ts";
import type { BenchTools } from "./main.ts";

/** One assessment of a large cluster: time, requests, memory, and the plan from it. */

const help = `npm run bench -- assess
  --topics N             2000 when absent, of ten partitions each; fewer where the machine allows fewer open files
  --groups N             1000 when absent; each has committed on 20 topics
  --bootstrap HOST:PORT  assesses this PLAINTEXT cluster as it is and starts none
`;

/** A broker keeps a file open for each partition, and some for itself. */
const ownFiles = 1000;

export async function assess({ args, say, signal }: BenchTools): Promise<object | undefined> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      topics: { type: "string", default: "2000" },
      groups: { type: "string", default: "1000" },
      bootstrap: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return undefined;
  }
  await using stack = new AsyncDisposableStack();
  const loadBefore = load();
  const bootstrap = values.bootstrap ?? (await large(stack, values, { say, signal }));
  const child = startScript(stack, new URL("./assess-run.ts", import.meta.url), [bootstrap]);
  const figures: unknown = JSON.parse(await child.line());
  if (typeof figures !== "object") throw new Error("the assessment told no figures");
  return { ...figures, load: [loadBefore, load()] };
}

async function large(
  stack: AsyncDisposableStack,
  size: { readonly topics: string; readonly groups: string },
  tools: Pick<BenchTools, "say" | "signal">,
): Promise<string> {
  const topics = Number(size.topics);
  const files = await openFiles();
  const partitionsPerTopic = Math.max(1, Math.min(10, Math.floor((files - ownFiles) / topics)));
  if (partitionsPerTopic < 10) {
    tools.say(
      `only ${files} files may be open here: ${partitionsPerTopic} partitions a topic in place of 10`,
    );
  }
  const folder = await createRunFolder(tools.say);
  stack.defer(() => folder.remove());
  const options = { name: "assess", version: "4.1", security: "open", heapMb: 2500 } as const;
  const { say: log, signal } = tools;
  const broker = await startBroker({ ...options, runFolder: folder.path, log, signal });
  stack.defer(() => broker.stop());
  const fixture = fixtureOf({ topics, groups: Number(size.groups), partitionsPerTopic });
  await fill(broker.bootstrap, fixture, tools);
  await write(broker.bootstrap, fixture.topics);
  tools.say(`each topic holds ${recordsPerTopic} records`);
  return broker.bootstrap;
}

const recordsPerTopic = 20;
const topicsAtOnce = 100;

/** So that there is something to look at in each topic. */
async function write(bootstrap: string, topics: readonly string[]): Promise<void> {
  const producer = kafkaFor(connectionTo(bootstrap), "bench-assess").producer();
  await producer.connect();
  try {
    for (let at = 0; at < topics.length; at += topicsAtOnce) {
      const topicMessages = topics.slice(at, at + topicsAtOnce).map((topic) => ({
        topic,
        messages: Array.from({ length: recordsPerTopic }, (_, record) => ({
          partition: 0,
          key: `key-${record}`,
          value: `${topic} ${record} `.padEnd(300, "x"),
        })),
      }));
      await producer.sendBatch({ topicMessages });
    }
  } finally {
    await producer.disconnect();
  }
}

/** What this process, and so the broker that it starts, may have open. */
async function openFiles(): Promise<number> {
  const limits = await readFile("/proc/self/limits", "utf8").catch(() => "");
  const limit = Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
  return Number.isNaN(limit) ? Number.POSITIVE_INFINITY : limit;
}
