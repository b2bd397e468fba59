import { about, figure } from "#domain/wording.ts";
import type { RaceContext, RaceInput, RetentionLimits } from "./retention-race.ts";

/** The two ways to win a retention race, as the exact change. Pure. */

export type Remedy = {
  /** "Raise retention.ms of events to 12 h (now 2 h)". */
  readonly title: string;
  /** To be run as it is. */
  readonly command: string;
  /** How to take it back when the mirror has caught up. */
  readonly undo?: string;
};

const hour = 3_600_000;
const mebibyte = 1_048_576;
/** Where no end of the catching up is in sight, the change buys this long. */
const withoutEndMs = 7 * 24 * hour;
const margin = 1.5;
/** Kafka's usual name for what `--command-config` takes. */
const clientFile = "client.properties";

export function remediesFor(
  input: RaceInput,
  limits: RetentionLimits,
  context: RaceContext,
): readonly Remedy[] {
  return [raiseRetention(input, limits, context), ...addTasks(input, context)];
}

/** What the oldest waiting record's age and the bytes behind it become until it is copied, with a margin. */
function raiseRetention(input: RaceInput, limits: RetentionLimits, context: RaceContext): Remedy {
  const { topic } = input;
  const untilMs =
    context.caughtUpBy === null ? withoutEndMs : Math.max(hour, context.caughtUpBy - context.now);
  const changes: Array<{
    readonly key: string;
    readonly value: number;
    readonly was: string;
    readonly own: boolean;
  }> = [];
  const words: string[] = [];
  if (limits.ms !== null && limits.ms !== undefined) {
    const age = Math.max(0, context.now - (input.timestamp ?? context.now - limits.ms));
    const value = Math.ceil(Math.max(2 * limits.ms, (age + untilMs) * margin) / hour) * hour;
    changes.push({ key: "retention.ms", value, was: `${limits.ms}`, own: limits.own.ms });
    words.push(`retention.ms to ${about(value)} (now ${about(limits.ms)})`);
  }
  if (limits.bytes !== null && limits.bytes !== undefined) {
    const value = bytesNeeded(input, limits.bytes, untilMs);
    changes.push({ key: "retention.bytes", value, was: `${limits.bytes}`, own: limits.own.bytes });
    words.push(
      `retention.bytes to ${figure(value / mebibyte)} MiB a partition (now ${figure(limits.bytes / mebibyte)} MiB)`,
    );
  }
  const { bootstrap, security } = context;
  const login = security === undefined ? "" : ` --command-config ${clientFile}`;
  const alter = `kafka-configs.sh --bootstrap-server ${bootstrap}${login} --alter --entity-type topics --entity-name ${topic}`;
  const restored = changes.filter(({ own }) => own).map(({ key, was }) => `${key}=${was}`);
  const removed = changes.filter(({ own }) => !own).map(({ key }) => key);
  const undo = [
    ...(restored.length > 0 ? [`--add-config ${restored.join(",")}`] : []),
    ...(removed.length > 0 ? [`--delete-config ${removed.join(",")}`] : []),
  ];
  return {
    title: `raise ${words.join(" and ")} of ${topic} on ${context.origin === "source" ? "the source" : "MSK"} until it is caught up${loginText(security)}`,
    command: `${alter} --add-config ${changes.map(({ key, value }) => `${key}=${value}`).join(",")}`,
    undo: `${alter} ${undo.join(" ")}`,
  };
}

/** Kafka's tools find no login by themselves: without one the command hangs or is refused. */
function loginText(security: string | undefined): string {
  return security === undefined ? "" : `; ${clientFile} holds a login that may alter topics (${security})`;
}

function bytesNeeded(input: RaceInput, limit: number, untilMs: number): number {
  const each = input.bytes === null || input.offsets <= 0 ? 0 : input.bytes / input.offsets;
  const behind = input.waiting * each;
  const inflow = ((input.arriving ?? 0) * each * untilMs) / 1000;
  return Math.ceil(Math.max(2 * limit, (behind + inflow) * margin) / mebibyte) * mebibyte;
}

/**
 * A task copies whole partitions: more tasks than partitions copy nothing more. Said as the setting, for a mirror that was
 * changed beside it goes back at the next `replicate start`. MSK Replicator has no tasks.
 */
function addTasks({ flow, wave }: RaceInput, context: RaceContext): readonly Remedy[] {
  const { tasks, partitions, engine, origin, connectUrl } = context;
  if (engine === "replicator") return [];
  const wanted = Math.min(partitions, Math.max(tasks * 2, 2));
  if (tasks >= partitions || wanted <= tasks) {
    if (connectUrl === undefined) return [];
    const title = `each of the ${figure(partitions)} partitions of ${flow} has a task: add Connect workers, not tasks`;
    return [{ title, command: `curl -s ${connectUrl}/connectors/${flow}/status` }];
  }
  const setting = (count: number) => `replication.tasks: {${wave}: ${count}}`;
  const title = `add tasks to ${flow}: ${wanted} (now ${tasks}), where ${engine === "connect" ? "the Connect workers have" : "its machine has"} room`;
  const start = (count: number) => `ferry.yaml: ${setting(count)}; restart the bot; /ferry replicate start`;
  if (engine !== "connect" || connectUrl === undefined) {
    return [{ title, command: start(wanted), undo: start(tasks) }];
  }
  const config = `${connectUrl}/connectors/${flow}/config`;
  const set = (count: number) =>
    `curl -s ${config} | jq '."tasks.max"="${count}"' | curl -s -X PUT -H 'Content-Type: application/json' -d @- ${config}`;
  // `replicate start` defines the way there anew, and no mirror back.
  const kept =
    origin === "source"
      ? `; \`${setting(wanted)}\` in ferry.yaml keeps it at the next \`replicate start\``
      : "";
  return [{ title: `${title}${kept}`, command: set(wanted), undo: set(tasks) }];
}
