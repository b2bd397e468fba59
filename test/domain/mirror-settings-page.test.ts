import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { mirrorProperties } from "#adapters/mirrormaker/properties.ts";
import { connectorConfig, type Site } from "#domain/mirror/mirror-config.ts";
import { reasonFor } from "#domain/mirror/mirror-reasons.ts";
import type { Flow, FlowKind } from "#domain/ports.ts";
import type { ClusterAccess } from "#domain/topology.ts";

/** docs/connect.md is what the code sets and why, written out; `vitest run --project unit PATH --update` writes it anew. */

const ca = "PEM";
const scram: ClusterAccess = {
  bootstrap: ["kafka-1:9094"],
  protocol: "SASL_SSL",
  sasl: { mechanism: "SCRAM-SHA-512", username: "ferry", password: "secret" },
  ca,
};
const iam: ClusterAccess = {
  bootstrap: ["b-1.msk:9098"],
  protocol: "SASL_SSL",
  sasl: { mechanism: "AWS_MSK_IAM", region: "us-east-1" },
};
const site: Site = {
  source: scram,
  target: iam,
  home: "target",
  exactlyOnce: true,
  offsetSyncs: "source",
  life: "LIFE",
  replicationFactor: -1,
  clientId: "ferry-orders-mirror",
};
const kinds = ["forward", "checkpoint", "reverse"] as const;

function flow(kind: FlowKind): Flow {
  const groups = kind === "checkpoint" ? ["billing-app"] : [];
  return {
    name: `ferry-orders-billing-${kind}`,
    kind,
    topics: ["invoices", "payments"],
    groups,
    tasks: kind === "checkpoint" ? 1 : 4,
  };
}

const intro = `# Mirrors on Kafka Connect

\`replication.engine: connect\`: for each wave two connectors that copy and compare on the way to MSK (\`…-forward\`,
\`…-checkpoint\`) and one on the way back (\`…-reverse\`), through the REST API of workers that are already there
(\`replication.connect\`: TLS by \`caFile\`, login by \`username\` and \`passwordEnv\`). Only connectors whose names begin with
\`ferry-<migration>-\` are touched. \`/ferry replicate start\` asks the workers first and says what is wrong:

- Kafka older than 3.9.2, a MirrorMaker of another release on the plugin path, or none at all;
- no \`exactly.once.source.support=enabled\`, and what a crash then copies twice;
- \`connector.client.config.override.policy\` other than \`All\`, with which the mirrors' producers could not be set up;
- no \`aws-msk-iam-auth\` on their class path where MSK is reached by IAM.

## What the workers need

[docker/connect.sh](../docker/connect.sh) writes these:

`;

const worker: ReadonlyArray<readonly [key: string, why: string]> = [
  [
    "exactly.once.source.support",
    "A killed worker copies nothing twice for readers of committed records (KIP-618).",
  ],
  [
    "offset.flush.interval.ms",
    "Without exactly-once lag is so old, and a killed worker copies so much twice; the default is a minute. With it offsets come with each transaction.",
  ],
  [
    "connector.client.config.override.policy",
    "Idempotence, compression and sizes below are overrides of the producer.",
  ],
  [
    "scheduled.rebalance.max.delay.ms",
    "Tasks of a dead worker go to the others at once; the default waits five minutes for it.",
  ],
  ["topic.creation.enable", "Topics exist before the mirror does, with the settings of the plan."],
  ["offset.storage.replication.factor", "Copied offsets are as durable as the records."],
  ["key.converter", "For connectors that say nothing; the mirrors say it themselves."],
];

/** Settings that matter and are left alone, and why that is right here. */
const left: ReadonlyArray<readonly [key: string, why: string]> = [
  [
    "source.consumer.auto.offset.reset",
    "`earliest`: a new mirror begins at the first record. After its next record has expired it goes on at the first one left, silently; the watch finds out and tells the range ([digests.md](digests.md)).",
  ],
  [
    "source.consumer.max.partition.fetch.bytes",
    "1 MiB; a batch that is larger is read all the same (KIP-74), so no record is too large for it.",
  ],
  [
    "offset.lag.max",
    "How exact MirrorMaker's own translation is. Groups are moved by the bot's own, which finds the record.",
  ],
  [
    "emit.offset-syncs.enabled",
    "`true`: the checkpoint mirror needs them, and a request for approval shows what it would have done.",
  ],
  ["emit.checkpoints.enabled", "`true`; without, the checkpoint mirror would not start."],
  [
    "emit.heartbeats.enabled",
    "A connector of its own on Kafka Connect, which is not made; MirrorMaker's own processes are told `false`.",
  ],
  [
    "replication.policy.separator",
    "`.`: with another one the names of MirrorMaker's own topics change under it.",
  ],
  ["config.properties.exclude", "Nothing is synchronised: `sync.topic.configs.enabled` is `false`."],
  [
    "use.incremental.alter.configs",
    "Exists from 3.5 to 3.9 only, and for the synchronisation of settings, which is off.",
  ],
  ["errors.tolerance", "`none`: a record that cannot be copied fails the task, and is never left out."],
];

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

function code(value: string): string {
  return value === "" ? "empty" : `\`${cell(value)}\``;
}

/** The value where all that have the setting agree, else each with its mirror. */
function valueText(values: ReadonlyArray<readonly [kind: string, value: string]>): string {
  const [first] = values;
  const same = new Set(values.map(([, value]) => value)).size === 1;
  if (first !== undefined && same) return code(first[1]);
  return values.map(([kind, value]) => `${kind}: ${code(value)}`).join("<br>");
}

function settingRows(): readonly string[] {
  const configs = kinds.map((kind) => [kind, connectorConfig(flow(kind), site)] as const);
  const keys = [...new Set(configs.flatMap(([, config]) => Object.keys(config)))].filter(
    (key) => !isLogin(key),
  );
  return keys.map((key) => {
    const having = configs.flatMap(([kind, config]) => {
      const value = config[key];
      return value === undefined ? [] : [[kind, value] as const];
    });
    const of = having.length === kinds.length ? "all" : having.map(([kind]) => kind).join(", ");
    return `| \`${key}\` | ${valueText(having)} | ${of} | ${cell(reasonFor(key) ?? "")} |`;
  });
}

const login =
  /^(source\.cluster|target\.cluster|(?:producer|consumer|admin)\.override)\.(?:bootstrap|security|s[as]sl|ssl)\./;

function isLogin(key: string): boolean {
  return login.test(key);
}

function loginRows(): readonly string[] {
  const prefixes = new Set(
    kinds.flatMap((kind) =>
      Object.keys(connectorConfig(flow(kind), site)).map((key) => login.exec(key)?.[1]),
    ),
  );
  return [...prefixes]
    .filter((prefix) => prefix !== undefined)
    .map((prefix) => `| \`${prefix}.*\` | ${reasonFor(`${prefix}.bootstrap.servers`)} |`);
}

it("has each setting of each mirror, with its value and why", async () => {
  const page = [
    intro,
    "| worker setting | why |\n| --- | --- |\n",
    ...worker.map(([key, why]) => `| \`${key}\` | ${why} |\n`),
    "\n## What each mirror gets\n\nOf a wave with two topics and one group, 40 partitions, workers that live on MSK:\n\n",
    "| setting | value | mirror | why |\n| --- | --- | --- | --- |\n",
    `${settingRows().join("\n")}\n`,
    "\nAddress and login of each client, with Kafka's own names (`bootstrap.servers`, `security.protocol`, `sasl.*`, `ssl.*`):\n\n",
    `| settings | why |\n| --- | --- |\n${loginRows().join("\n")}\n`,
    "\n## What is left alone\n\n| setting | why |\n| --- | --- |\n",
    ...left.map(([key, why]) => `| \`${key}\` | ${why} |\n`),
    "\nThe same settings in a file, for MirrorMaker without Kafka Connect: [mirrormaker.md](mirrormaker.md).\n",
  ].join("");
  await expect(page).toMatchFileSnapshot("../../docs/connect.md");
});

it("sets nothing that it says is left alone", () => {
  const set = new Set(kinds.flatMap((kind) => Object.keys(connectorConfig(flow(kind), site))));
  expect(left.map(([key]) => key).filter((key) => set.has(key))).toEqual([]);
});

it("names only worker settings that the image sets", () => {
  const script = readFileSync("docker/connect.sh", "utf8");
  expect(worker.map(([key]) => key).filter((key) => !script.includes(`\n${key}=`))).toEqual([]);
});

it("leaves no setting unexplained, whatever the clusters ask for", () => {
  const plain: ClusterAccess = { bootstrap: ["kafka-1:9092"], protocol: "PLAINTEXT" };
  const sites = [scram, iam, plain, { ...plain, protocol: "SSL" as const, ca }].flatMap((access) =>
    (["source", "target", "elsewhere"] as const).flatMap((home) =>
      [true, false].map(
        (exactlyOnce): Site => ({ ...site, source: access, target: access, home, exactlyOnce }),
      ),
    ),
  );
  const keys = sites.flatMap((each) =>
    kinds.flatMap((kind) => Object.keys(connectorConfig(flow(kind), each))),
  );
  const unexplained = [...new Set(keys)].filter((key) => (reasonFor(key) ?? "").length < 20);
  expect(unexplained).toEqual([]);
  expect(reasonFor("producer.override.retries")).toBeUndefined();
});

it("leaves no line of mm2.properties without a comment before it", () => {
  for (const kind of kinds) {
    const text = mirrorProperties(flow(kind), { ...site, flushMs: 5_000 });
    const bare = text.split("\n\n").filter((block) => !block.startsWith("# "));
    expect(bare).toEqual([]);
  }
});
