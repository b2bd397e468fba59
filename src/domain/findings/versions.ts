import { recordedVersions } from "#domain/msk/data.ts";
import { type Known, unknown } from "#domain/topology.ts";
import {
  type Check,
  kafkaPage,
  type Look,
  mskPage,
  ofCluster,
  ofTopics,
  type Verdict,
  whenKnown,
} from "./check.ts";
import { findOut } from "./find-out.ts";
import { brokerSetting, isBefore, type Release, releaseOf, type View } from "./view.ts";

/** The source's release against what MSK offers and what clients and mirrors speak. */

function versionText(release: Release): string {
  return `Kafka ${release.join(".")}`;
}

function targetRelease(view: View): Known<Release> {
  return releaseOf(view.targetVersion);
}

function newestOn(kind: "standard" | "express"): string {
  return recordedVersions[kind].at(-1) ?? "";
}

/** The release that is written in a setting, such as `inter.broker.protocol.version`. */
function written(view: View, key: string): Release | undefined {
  const release = releaseOf(brokerSetting(view, key) ?? "");
  return release.known ? release.value : undefined;
}

const oldestTried: Release = [2, 0];
/** Of brokers, for clients and workers of Kafka 4 (KIP-896). */
export const oldestForMirrors: Release = [2, 1];
const oldestForReplicator: Release = [2, 8];

function judgeClients(view: View): Verdict {
  const target = targetRelease(view);
  if (!target.known) return { unknown: target.why };
  if (target.value[0] < 4) return undefined;
  return whenKnown(view.release, (release) => {
    if (release[0] >= 4) return undefined;
    const format = written(view, "log.message.format.version");
    if (format !== undefined && isBefore(format, oldestForMirrors)) {
      return `log.message.format.version=${format.join(".")} is kept for clients that old; MSK ${view.targetVersion} refuses clients older than 2.1`;
    }
    return {
      unknown: `MSK ${view.targetVersion} refuses clients older than 2.1, ${versionText(release)} takes them, and no request of Kafka tells what release a client is`,
    };
  });
}

/** Between 2.0 and 2.1 it hangs on the workers: those of 3.9 take such brokers. A Replicator has a rule of its own. */
function lookSource(view: View): Look {
  const at = "the source's version";
  const verdict = whenKnown(view.release, (release) => judgeSource(view, release));
  const look = ofCluster(at, verdict);
  const isOver = !view.release.known || isBefore(view.release.value, oldestTried) || hasNewWorkers(view);
  return isOver ? look : { at, hits: look.hits.map((hit) => ({ ...hit, severity: "warning" })) };
}

function judgeSource(view: View, release: Release): string | undefined {
  if (!isBefore(release, oldestForMirrors)) return undefined;
  if (isBefore(release, oldestTried)) {
    return `${versionText(release)}; ferry is tried with sources from 2.0 on`;
  }
  if (view.context.settings?.replication.engine === "replicator") return undefined;
  return `${versionText(release)}; MirrorMaker 2 of Kafka 4 needs 2.1 or newer (KIP-896), that of 3.9 takes it; ${workersText(view)}`;
}

function workersOf({ context: { workers } }: View): Known<Release> {
  if (workers === undefined) return unknown("they were not asked");
  return workers.known ? releaseOf(workers.value) : workers;
}

function hasNewWorkers(view: View): boolean {
  const workers = workersOf(view);
  return workers.known && workers.value[0] >= 4;
}

function workersText(view: View): string {
  const workers = workersOf(view);
  return workers.known
    ? `the workers are of ${workers.value.join(".")}`
    : `of which release the workers are is not known: ${workers.why}`;
}

function judgeTarget(view: View): Verdict {
  return whenKnown(view.release, (release) => {
    const kind = view.kind === "express" ? "express" : "standard";
    const newest = releaseOf(newestOn(kind));
    if (newest.known && isBefore(newest.value, release)) {
      return `${versionText(release)}; the newest that MSK offers on ${kind} brokers is ${newestOn(kind)}`;
    }
    const target = targetRelease(view);
    const goesBack = target.known && isBefore(target.value, release);
    return goesBack
      ? `${versionText(release)} moves to MSK ${view.targetVersion}, which is older`
      : undefined;
  });
}

function judgeProtocol(view: View): Verdict {
  return whenKnown(view.release, (release) => {
    const protocol = written(view, "inter.broker.protocol.version");
    const behind = protocol !== undefined && isBefore(protocol, release);
    return behind
      ? `inter.broker.protocol.version=${protocol.join(".")} on ${versionText(release)}: an upgrade that was not ended`
      : undefined;
  });
}

function judgeReplicator(view: View): Verdict {
  if (view.context.settings?.replication.engine !== "replicator") return undefined;
  return whenKnown(view.release, (release) =>
    isBefore(release, oldestForReplicator)
      ? `${versionText(release)}; MSK Replicator reads from Kafka 2.8.1 on`
      : undefined,
  );
}

export const versionChecks: readonly Check[] = [
  {
    code: "SOURCE_VERSION",
    severity: "blocker",
    seen: "The release, from the brokers or from the versions of the requests they take. MirrorMaker 2 and clients of Kafka 4 need brokers of 2.1 or newer (KIP-896): a blocker where the workers are of 4 or newer, a warning for a source of 2.0 where they are older or not known. A source before 2.0 is a blocker with any.",
    remedy: "Use workers of Kafka 3.9, or upgrade the source",
    find: findOut.release,
    page: kafkaPage("upgrade"),
    look: lookSource,
  },
  {
    code: "REPLICATOR_VERSION",
    severity: "blocker",
    seen: "Only where replication.engine is replicator: MSK Replicator reads from external clusters of Kafka 2.8.1 or newer.",
    remedy: "Choose the engine connect or mirrormaker, or upgrade the source",
    find: findOut.release,
    page: mskPage("msk-replicator-external-prereqs"),
    look: (view) => ofCluster("the engine and the source's version", judgeReplicator(view)),
  },
  {
    code: "TARGET_VERSION",
    severity: "warning",
    seen: "The source's release against the one wanted of MSK, and against the newest that MSK creates on this kind of broker. Features of a newer source are missing on an older target.",
    remedy:
      "Name the wanted version in target.shape.kafkaVersion, and look whether applications use what is newer",
    find: findOut.release,
    page: mskPage("supported-kafka-versions"),
    look: (view) => ofCluster(`the source's version against MSK ${view.targetVersion}`, judgeTarget(view)),
  },
  {
    code: "CLIENTS_OLD",
    severity: "warning",
    seen: "Only where MSK is to be 4.0 or newer and the source is older: such brokers refuse requests of clients before 2.1 (KIP-896). No request of Kafka tells the release of a client. The broker's MBean kafka.server:type=socket-server-metrics, tag clientSoftwareVersion, does from 2.4 on.",
    remedy: "Read clientSoftwareVersion on each broker, upgrade what is older than 2.1, or choose MSK 3.9.x",
    find: "Read clientSoftwareVersion of kafka.server:type=socket-server-metrics on each broker, from Kafka 2.4 on, or ask the owners",
    page: kafkaPage("upgrade"),
    look: (view) => ofCluster(`clients against MSK ${view.targetVersion}`, judgeClients(view)),
  },
  {
    code: "MESSAGE_FORMAT",
    severity: "warning",
    seen: "log.message.format.version of the brokers, or message.format.version of a topic, is written down. Kafka 4.0 has one format only (KIP-724), and no conversion for old readers.",
    remedy: "Upgrade the clients that it was kept for; the plan leaves the setting out",
    page: kafkaPage("topicconfigs_message.format.version"),
    look: (view) => {
      const broker = brokerSetting(view, "log.message.format.version");
      const topics = ofTopics(view.wanted, ({ configs }) => {
        const entry = configs["message.format.version"];
        return entry?.origin === "topic" ? `message.format.version=${entry.value}` : undefined;
      });
      if (typeof broker !== "string") return topics;
      const cluster = ofCluster("", `log.message.format.version=${broker}`);
      return { at: topics.at, hits: [...cluster.hits, ...topics.hits] };
    },
  },
  {
    code: "PROTOCOL_BEHIND",
    severity: "warning",
    seen: "inter.broker.protocol.version is written down and older than the brokers: an upgrade was begun and not ended, and requests of the newer release are not all answered.",
    remedy: "End the upgrade before the copy begins, or leave the brokers alone until it has ended",
    find: findOut.release,
    page: kafkaPage("upgrade"),
    look: (view) => ofCluster("inter.broker.protocol.version", judgeProtocol(view)),
  },
  {
    code: "ZOOKEEPER_MODE",
    severity: "info",
    seen: "The brokers answer as ZooKeeper brokers do. MSK from 4.0 on is KRaft only: scripts that name ZooKeeper end there.",
    remedy: "Look for tools that use --zookeeper, and give them the brokers' addresses",
    find: "Look in server.properties of a broker: process.roles is KRaft, zookeeper.connect alone is ZooKeeper",
    page: mskPage("metadata-management"),
    look: (view) =>
      ofCluster(
        "where the brokers keep metadata",
        whenKnown(view.mode, (mode) =>
          mode === "zookeeper" ? "the source keeps its metadata in ZooKeeper" : undefined,
        ),
      ),
  },
];
