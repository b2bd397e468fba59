import type { TopicPartition } from "#domain/topology.ts";
import { count } from "#domain/wording.ts";

/**
 * Which applications were seen writing, from the producer ids in the log. An id belongs to one instance of one
 * application; the broker does not tell to which. An application may have many instances, and without idempotence there
 * is no id at all: what that leaves open is said.
 */

/** The first record of one producer id on one partition. */
export type FirstRecord = TopicPartition & {
  /** -1: no idempotence. */
  readonly producerId: number;
  readonly offset: number;
  /** Of the record, ms since the epoch. */
  readonly timestamp: number;
};

type Application = { readonly name: string; readonly topics: readonly string[] };

export type FirstWrite = {
  readonly application: string;
  readonly record: FirstRecord;
  /** Nobody else of ferry.yaml can have written it. */
  readonly certain: boolean;
};

export type FirstWrites = {
  readonly seen: readonly FirstWrite[];
  /** Applications of which nothing was seen, or nothing that another one does not account for. */
  readonly silent: readonly string[];
  /** What cannot be told apart, in words. */
  readonly notes: readonly string[];
};

/** One producer id; without an id, what was written without one on one topic. */
type Pen = {
  readonly first: FirstRecord;
  readonly isAnonymous: boolean;
  readonly applications: readonly string[];
};

/** Gives every application its earliest record, a certain one where there is one. */
export function attributeFirstWrites(
  applications: readonly Application[],
  records: readonly FirstRecord[],
): FirstWrites {
  const pens = pensOf(applications, records);
  const seen = new Map<string, FirstWrite>();
  for (const { first, applications: candidates } of pens) {
    const [only] = candidates;
    if (only === undefined || candidates.length > 1 || seen.has(only)) continue;
    seen.set(only, { application: only, record: first, certain: true });
  }
  const shared = pens.filter((pen) => pen.applications.length > 1);
  const left = applications.filter(({ name }) => !seen.has(name)).map(({ name }) => name);
  for (const [application, record] of share(left, shared)) {
    seen.set(application, { application, record, certain: false });
  }
  const strangers = pens.filter((pen) => pen.applications.length === 0);
  return {
    seen: applications.flatMap(({ name }) => seen.get(name) ?? []),
    silent: applications.flatMap(({ name }) => (seen.has(name) ? [] : [name])),
    notes: [...notesOf(seen, shared), ...strangerNotes(strangers)],
  };
}

/** Earliest first. An id can only belong to an application that names every topic it wrote to. */
function pensOf(applications: readonly Application[], records: readonly FirstRecord[]): readonly Pen[] {
  const groups = new Map<string, FirstRecord[]>();
  for (const record of records) {
    const name = record.producerId < 0 ? `topic ${record.topic}` : `id ${record.producerId}`;
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [record]);
    else group.push(record);
  }
  const pens = [...groups.values()].flatMap((group) => {
    const [first] = group.toSorted((a, b) => a.timestamp - b.timestamp || a.offset - b.offset);
    if (first === undefined) return [];
    const candidates = applications.filter(({ topics }) =>
      group.every(({ topic }) => topics.includes(topic)),
    );
    return [{ first, isAnonymous: first.producerId < 0, applications: candidates.map(({ name }) => name) }];
  });
  return pens.toSorted((a, b) => a.first.timestamp - b.first.timestamp);
}

/** Each application one id of its own, as far as they go (Kuhn's matching); records without an id serve everybody. */
function share(left: readonly string[], pens: readonly Pen[]): ReadonlyMap<string, FirstRecord> {
  const holder = new Map<Pen, string>();
  const place = (application: string, tried: Set<Pen>): boolean => {
    for (const pen of pens) {
      if (pen.isAnonymous || tried.has(pen) || !pen.applications.includes(application)) continue;
      tried.add(pen);
      const other = holder.get(pen);
      if (other !== undefined && !place(other, tried)) continue;
      holder.set(pen, application);
      return true;
    }
    return false;
  };
  const shared = new Map<string, FirstRecord>();
  for (const application of left) {
    if (place(application, new Set())) continue;
    const anonymous = pens.find((pen) => pen.isAnonymous && pen.applications.includes(application));
    if (anonymous !== undefined) shared.set(application, anonymous.first);
  }
  for (const [pen, application] of holder) shared.set(application, pen.first);
  return shared;
}

function notesOf(seen: ReadonlyMap<string, FirstWrite>, shared: readonly Pen[]): readonly string[] {
  const open = [...seen.values()].filter(({ certain }) => !certain).map(({ application }) => application);
  if (open.length === 0) return [];
  const ids = shared.filter(({ isAnonymous }) => !isAnonymous).length;
  const without = shared.some(({ isAnonymous }) => isAnonymous) ? ", and records without one" : "";
  const names = open.join(", ");
  return [
    `${names} cannot be told from others on the topics they share: ${count(ids, "producer id")}${without}`,
  ];
}

function strangerNotes(strangers: readonly Pen[]): readonly string[] {
  return strangers.slice(0, 3).map(({ first: { topic, partition, offset, producerId } }) => {
    const who = producerId < 0 ? "a producer without id" : `producer id ${producerId}`;
    return `${who} writes to ${topic}-${partition} from offset ${offset} on: no producer of ferry.yaml names its topics`;
  });
}
