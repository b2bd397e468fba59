import { createHash } from "node:crypto";
import kafkajs, { type IHeaders, type KafkaMessage, type Message } from "kafkajs";

// KafkaJS is CommonJS: Node sees only its first few names as named exports.
const { CompressionTypes } = kafkajs;

/**
 * Kinds of records that applications write, one topic of two partitions each. Record `seq` of a topic, counted from 1,
 * goes to partition `seq % 2`, so that a log says which records were read and in which order.
 */
export const kindNames = [
  "keyed",
  "compacted",
  "transactional",
  "compressed",
  "headers",
  "tombstones",
] as const;
export type KindName = (typeof kindNames)[number];

export type Kind = {
  readonly configs: Readonly<Record<string, string>>;
  readonly transactional: boolean;
  /** Records that exist before anything moves: more than 100,000 that the log must keep. */
  readonly history: number;
  /** Codec of the nth request. */
  codec(request: number): kafkajs.CompressionTypes;
  key(seq: number): string | null;
  /** `null`: a tombstone. */
  value(seq: number): string | null;
  headers(seq: number): IHeaders;
};

const padding = "x".repeat(90);
const hotKeys = 100;

/** 88 characters that do not compress much, always the same. */
function noise(seq: number): string {
  return createHash("sha512").update(`${seq}`).digest("base64");
}

/** Every fifth record of a compacted topic has one of few keys, and most of those are replaced later. */
function isHot(seq: number): boolean {
  return seq % 5 === 0;
}

/** Of one partition only, as a key's records are. */
function hotKey(seq: number): string {
  return `hot-${seq % 2}-${Math.floor(seq / 10) % hotKeys}`;
}

const plain: Kind = {
  configs: {},
  transactional: false,
  history: 100_600,
  codec: () => CompressionTypes.None,
  key: (seq) => `${seq}`,
  value: (seq) => `${seq} ${padding}`,
  headers: () => ({}),
};

const codecs = [CompressionTypes.GZIP, CompressionTypes.Snappy, CompressionTypes.LZ4, CompressionTypes.ZSTD];

export const kinds: Readonly<Record<KindName, Kind>> = {
  // Few keys, so that the order within a key matters, and equal keys far apart.
  keyed: { ...plain, key: (seq) => `customer-${seq % 2}-${seq % 997}` },
  compacted: {
    ...plain,
    history: 127_000,
    configs: {
      "cleanup.policy": "compact",
      "segment.bytes": "1048576",
      "min.cleanable.dirty.ratio": "0.01",
    },
    key: (seq) => (isHot(seq) ? hotKey(seq) : `${seq}`),
    // The mirror compresses; closed segments, which alone are compacted, need more than zeros.
    value: (seq) => (seq % 35 === 0 ? null : `${seq} ${noise(seq)}`),
    headers: (seq) => ({ seq: `${seq}` }),
  },
  transactional: { ...plain, transactional: true, key: () => null },
  compressed: { ...plain, codec: (request) => codecs[request % codecs.length] ?? CompressionTypes.None },
  headers: {
    ...plain,
    value: () => padding,
    headers: (seq) => ({
      seq: `${seq}`,
      trace: [Buffer.from([0, 255, seq % 256]), "second of this name"],
      empty: "",
    }),
  },
  tombstones: { ...plain, value: (seq) => (seq % 3 === 0 ? null : `${seq} ${padding}`) },
};

export function messageOf(kind: KindName, seq: number): Message {
  const of = kinds[kind];
  return { partition: seq % 2, key: of.key(seq), value: of.value(seq), headers: of.headers(seq) };
}

/** Written in a transaction that is aborted: nobody may ever read it. */
export function abortedMessage(index: number): Message {
  return { partition: index % 2, key: "aborted", value: `aborted ${index}` };
}

/** Which record this is; not a number when it is none that should ever be read. */
export function seqOf({ key, value, headers }: Pick<KafkaMessage, "key" | "value" | "headers">): number {
  const header = headers?.["seq"];
  if (header !== undefined) return Number(header);
  return Number(value === null ? key : value.subarray(0, value.indexOf(" ")));
}

/** Records from 1 to `last` that a fully compacted log would still hold, by `seq`; all of them where nothing is compacted. */
export function survivors(kind: KindName, last: number): readonly number[] {
  const all = Array.from({ length: last }, (_, index) => index + 1);
  if (kind !== "compacted") return all;
  const newest = new Map(all.map((seq) => [kinds.compacted.key(seq), seq]));
  return all.filter((seq) => newest.get(kinds.compacted.key(seq)) === seq);
}
