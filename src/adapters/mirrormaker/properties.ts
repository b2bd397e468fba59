import { clientProperties } from "#domain/mirror/client-properties.ts";
import { aliases } from "#domain/mirror/flow.ts";
import { type ConnectorConfig, connectorConfig, type Site } from "#domain/mirror/mirror-config.ts";
import { reasonFor } from "#domain/mirror/mirror-reasons.ts";
import type { Flow } from "#domain/ports.ts";
import { ends, workerTopics } from "./names.ts";

/** `mm2.properties` of one flow, for `connect-mirror-maker`. Facts: Kafka 3.9.2. */

export type MirrorSite = Pick<
  Site,
  "source" | "target" | "exactlyOnce" | "offsetSyncs" | "replicationFactor" | "clientId"
> & {
  /** Milliseconds between two flushes of copied offsets. */
  readonly flushMs: number;
};

type Entry = readonly [key: string, value: string];
type Section = { readonly why: string; readonly entries: readonly Entry[] };

/** The text of the file: the guide's, with what is wrong in it put right, and why. Holds secrets. */
export function mirrorProperties(flow: Flow, site: MirrorSite): string {
  const head = [
    `MirrorMaker 2 for ${flow.name}, written by MSK Ferry, which overwrites it.`,
    "It holds passwords: mode 0600.",
  ];
  const sections = [...clusters(flow, site), ...worker(flow, site), ...connectors(flow, site)];
  return [head.map(comment).join("\n"), ...sections.map(sectionText)].join("\n\n").concat("\n");
}

function clusters(flow: Flow, { source, target }: MirrorSite): readonly Section[] {
  const { from, to } = ends(flow);
  return [
    {
      why: "Seconds less at each start: the class path is not searched for plug-ins.",
      entries: [["plugin.discovery", "service_load"]],
    },
    {
      why: "Part of the key of every copied offset: with other names the copy would start from zero.",
      entries: [["clusters", `${aliases.source}, ${aliases.target}`]],
    },
    {
      why: "The guide names a truststore file; here the certificate stands in the file itself (KIP-651), or the JVM's own are used.",
      entries: [
        ...Object.entries(clientProperties(source, `${aliases.source}.`)),
        ...Object.entries(clientProperties(target, `${aliases.target}.`)),
      ],
    },
    {
      why: "One direction. Heartbeats, on by default and in the guide, would start a second worker for the way back, which makes topics on the source.",
      entries: [
        [`${from}->${to}.enabled`, "true"],
        [`${to}->${from}.enabled`, "false"],
        ["emit.heartbeats.enabled", "false"],
      ],
    },
  ];
}

/** Settings of the worker go below the alias it writes to: at the top level MirrorMaker drops them without a word. */
function worker(flow: Flow, site: MirrorSite): readonly Section[] {
  const { to } = ends(flow);
  const topics = workerTopics(flow.name);
  const own = (entries: Readonly<Record<string, string>>): readonly Entry[] =>
    Object.entries(entries).map(([key, value]) => [`${to}.${key}`, value]);
  const replicationFactor = String(site.replicationFactor);
  const sections: Section[] = [
    {
      why: "A group and topics of its own, so that the mirrors of other waves run apart from this one.",
      entries: own({
        "group.id": flow.name,
        "offset.storage.topic": topics.offsets,
        "config.storage.topic": topics.configs,
        "status.storage.topic": topics.statuses,
        "offset.storage.partitions": "1",
        "status.storage.partitions": "1",
        "offset.storage.replication.factor": replicationFactor,
        "config.storage.replication.factor": replicationFactor,
        "status.storage.replication.factor": replicationFactor,
      }),
    },
    {
      why: "How old a copied offset may be. The default is a minute: lag would be a minute late, and a crash would copy a minute twice where exactly-once is off.",
      entries: own({ "offset.flush.interval.ms": String(site.flushMs) }),
    },
    {
      why: "Whatever dies is taken over at once: the default waits five minutes for it to come back.",
      entries: own({ "scheduled.rebalance.max.delay.ms": "0" }),
    },
    {
      why: "Topics were created before, with the settings of the plan. The default policy of Kafka 5 refuses the producer settings below.",
      entries: own({
        "topic.creation.enable": "false",
        "connector.client.config.override.policy": "All",
        "topic.tracking.enable": "false",
        "plugin.discovery": "service_load",
      }),
    },
  ];
  if (!site.exactlyOnce) return sections;
  return [
    ...sections,
    {
      why: "Records and their copied offset are one transaction (KIP-618): a killed process copies nothing twice. One process is the leader of its group and needs no REST; for several on one file set dedicated.mode.enable.internal.rest=true and listeners, each with another port.",
      entries: [
        ...own({ "exactly.once.source.support": "enabled" }),
        ["dedicated.mode.enable.internal.rest", "false"],
      ],
    },
  ];
}

function connectors(flow: Flow, site: MirrorSite): readonly Section[] {
  const { from, to } = ends(flow);
  const config = dedicatedConfig(flow, site);
  return Object.entries(config).map(([key, value]) => ({
    why: reasonFor(key) ?? "",
    entries: [[`${from}->${to}.${key}`, value]],
  }));
}

/** What the connector of a Connect cluster would get; there, the worker writes to the cluster that it lives on. */
export function flowConfig(flow: Flow, site: MirrorSite): ConnectorConfig {
  return connectorConfig(flow, { ...site, home: flow.kind === "reverse" ? "source" : "target", life: "" });
}

/** Without what dedicated MirrorMaker sets by itself. */
function dedicatedConfig(flow: Flow, site: MirrorSite): ConnectorConfig {
  const config = flowConfig(flow, site);
  const kept = Object.entries(config).filter(
    ([key]) => !given.has(key) && !/^(?:source|target)\.cluster\./.test(key),
  );
  return {
    ...Object.fromEntries(kept),
    "emit.heartbeats.enabled": "false",
  };
}

const given = new Set(["name", "connector.class", "exactly.once.support"]);

function sectionText({ why, entries }: Section): string {
  const lines = entries.map(([key, value]) => `${escaped(key, true)}=${escaped(value, false)}`);
  return (why === "" ? lines : [comment(why), ...lines]).join("\n");
}

function comment(text: string): string {
  return `# ${text}`;
}

/** As `java.util.Properties` reads it: ISO 8859-1, a backslash before what has a meaning. */
function escaped(text: string, isKey: boolean): string {
  const special = isKey ? /[\\:=#! ]/g : /\\/g;
  return text
    .replaceAll(special, String.raw`\$&`)
    .replace(/^ /, String.raw`\ `)
    .replaceAll("\n", String.raw`\n`)
    .replaceAll("\r", String.raw`\r`)
    .replaceAll("\t", String.raw`\t`)
    .replaceAll(/[^\x20-\x7e]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
