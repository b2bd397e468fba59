import type { Redis } from "ioredis";
import { z } from "zod";
import { chain, prune, StoredEntry } from "#domain/audit/audit.ts";
import { FerryError } from "#domain/errors.ts";
import type { AuditEntry, ChainedEntry, Clock, Lease, Log, Store, Versioned } from "#domain/ports.ts";
import { connect, type Outages } from "./connection.ts";
import * as scripts from "./scripts.ts";

const Json = z.string().transform((text): unknown => JSON.parse(text));
const Written = z.union([z.int(), z.literal("mismatch"), z.literal("lease-lost")]);
const Acquired = z.union([z.int(), z.string()]);
const Document = z.tuple([z.string(), z.coerce.number()]);
const chainTries = 50;

/** The part of Redis that is this store's: names under its prefix, calls and scripts that end. */
type Keyspace = {
  readonly name: (kind: string, key: string) => string;
  readonly call: <T>(action: (redis: Redis) => Promise<T>) => Promise<T>;
  readonly script: (
    text: string,
    keys: readonly string[],
    args: ReadonlyArray<string | number>,
  ) => Promise<unknown>;
};

/**
 * Durable memory in Redis. Every key carries one hash tag, so that the scripts also work on a Redis Cluster.
 * A Redis that does not answer is `E_STORE` within about 3 s.
 */
export function createRedisStore(options: {
  readonly url: string;
  readonly prefix?: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Who logs that Redis is away, when other connections see it as well; the store itself when absent. */
  readonly outages?: Outages | undefined;
}): Store & { close(): Promise<void> } {
  const { url, prefix = "{ferry}:", clock, log, outages } = options;
  const { call, close } = connect({ url, log, outages });
  const space: Keyspace = {
    call,
    name: (kind, key) => `${prefix}${kind}:${key}`,
    script: (text, keys, args) => call((redis) => redis.eval(text, keys.length, ...keys, ...args)),
  };
  return { ...documentsIn(space), ...leasesIn(space), ...listsIn(space), ...auditIn(space, clock), close };
}

function documentsIn({ call, script, name }: Keyspace): Pick<Store, "read" | "write" | "keys" | "remove"> {
  return {
    async read(key): Promise<Versioned | undefined> {
      const [value, revision] = await call((redis) =>
        redis.hmget(name("document", key), "value", "revision"),
      );
      if (typeof value !== "string") return undefined;
      const [text, at] = Document.parse([value, revision]);
      return { value: JSON.parse(text), revision: at };
    },
    async write(key, value, condition = {}) {
      const { revision, lease } = condition;
      const answer = Written.parse(
        await script(
          scripts.write,
          [name("document", key), name("index", ""), name("lease", lease?.scope ?? "")],
          [JSON.stringify(value ?? null), key, revision ?? "", lease === undefined ? "" : held(lease)],
        ),
      );
      if (answer === "lease-lost") throw lost(lease?.scope ?? "");
      return answer === "mismatch" ? undefined : answer;
    },
    keys: (start) =>
      call((redis) => redis.zrangebylex(name("index", ""), `[${start}`, `(${start}\u{10FFFF}`)),
    async remove(key) {
      await script(scripts.remove, [name("document", key), name("index", ""), name("list", key)], [key]);
    },
  };
}

function leasesIn({ script, name }: Keyspace): Pick<Store, "acquire" | "renew" | "release"> {
  return {
    async acquire(scope, owner, ttlMs) {
      const answer = Acquired.parse(
        await script(scripts.acquire, [name("lease", scope), name("token", scope)], [owner, ttlMs]),
      );
      if (typeof answer === "string") throw busy(scope, answer);
      return { scope, owner, token: answer };
    },
    async renew(lease, ttlMs) {
      if ((await script(scripts.renew, [name("lease", lease.scope)], [held(lease), ttlMs])) !== 1) {
        throw lost(lease.scope);
      }
    },
    async release(lease) {
      await script(scripts.release, [name("lease", lease.scope)], [held(lease)]);
    },
  };
}

function listsIn({ call, script, name }: Keyspace): Pick<Store, "append" | "list"> {
  return {
    async append(key, value, keep) {
      await script(scripts.append, [name("list", key)], [JSON.stringify(value ?? null), keep]);
    },
    async list(key) {
      const texts = await call((redis) => redis.lrange(name("list", key), 0, -1));
      return texts.map((text) => Json.parse(text));
    },
  };
}

/** The hash is made here, the append compares with the last entry as it was read: a rival's append means again. */
function auditIn(
  { call, script, name }: Keyspace,
  clock: Clock,
): Pick<Store, "audit" | "auditTrail" | "pruneAudit"> {
  const keysOf = (migration: string) => [name("audit", migration), name("audit-keys", migration)] as const;

  async function tryAppend(entry: AuditEntry): Promise<true | undefined> {
    const keys = keysOf(entry.migration);
    const last = (await call((redis) => redis.lindex(keys[0], -1))) ?? "";
    const next = chain(entry, last === "" ? undefined : parseEntry(last));
    const args = [last, JSON.stringify(next), entry.key ?? "", next.sequence];
    const appended = await script(scripts.chainOn, keys, args);
    return appended === 0 ? undefined : true;
  }

  /** Until it is done: a rival's append in between means to read again. */
  async function insist<T>(what: string, attempt: () => Promise<T | undefined>): Promise<T> {
    for (let tries = 0; tries < chainTries; tries += 1) {
      const result = await attempt();
      if (result !== undefined) return result;
      await clock.sleep(1 + Math.floor(Math.random() * 2 * (tries + 1)));
    }
    throw new FerryError("E_STORE", `the audit chain moved ${chainTries} times while ${what}`);
  }

  return {
    async audit(entry) {
      await insist("appending to it", () => tryAppend(entry));
    },
    async auditTrail(migration) {
      const texts = await call((redis) => redis.lrange(name("audit", migration), 0, -1));
      return texts.map((text) => parseEntry(text));
    },
    pruneAudit: (migration, before, by) =>
      insist("pruning it", async () => {
        const keys = keysOf(migration);
        const texts = await call((redis) => redis.lrange(keys[0], 0, -1));
        const entries = texts.map(parseEntry);
        const pruned = prune(entries, before, by);
        if (pruned === undefined) return 0;
        const { drop, checkpoint } = pruned;
        const gone = entries[drop - 1]?.sequence ?? 0;
        const args = [texts[0] ?? "", texts.at(-1) ?? "", JSON.stringify(checkpoint), drop, gone];
        return (await script(scripts.prune, keys, args)) === 1 ? drop : undefined;
      }),
  };
}

function parseEntry(text: string): ChainedEntry {
  return StoredEntry.parse(JSON.parse(text));
}

function held(lease: Lease): string {
  return `${lease.token}:${lease.owner}`;
}

function busy(scope: string, owner: string): FerryError {
  return new FerryError("E_LEASE", `${scope} is held by ${owner}`);
}

function lost(scope: string): FerryError {
  return new FerryError("E_LEASE_LOST", `the lease on ${scope} ran out or a newer attempt holds it`);
}
