import { FerryError } from "#domain/errors.ts";
import type { Clock } from "#domain/ports.ts";
import type { Node, Request } from "./connection.ts";
import { answerError, code, codeName, isPassing, isUnreachable, type Role } from "./errors.ts";
import type { Metadata } from "./metadata.ts";
import { batches, collect, type Fail, type Gaps, inParallel, noGaps } from "./retry.ts";

type Answer = { readonly group: string; readonly error: number; readonly node: number };

/** What one coordinator did with one group: an error code of the whole group, 0 when it is answered. */
export type GroupCall = (node: Node, groups: readonly string[]) => Promise<ReadonlyMap<string, number>>;

export type Coordinators = {
  /**
   * Calls each group's coordinator, with as many groups as one call takes, until all are answered.
   * A moved or loading coordinator is looked up and asked again. `E_INCOMPLETE` names what is missing; with `gaps` the
   * groups without an answer are told there instead.
   */
  ask(
    groups: readonly string[],
    perCall: number,
    what: string,
    call: GroupCall,
    gaps?: Gaps<string>,
  ): Promise<void>;
};

const lookupsAtOnce = 32;
const groupsPerLookup = 500;
const callsAtOnce = 32;

type Round = { readonly fail: Fail<string>; readonly refused: Gaps<string>["refused"] };

/** Which broker coordinates which group, kept until it says that it does not. */
type Directory = {
  readonly lookUp: (groups: readonly string[], what: string, round: Round) => Promise<void>;
  readonly has: (group: string) => boolean;
  readonly forget: (group: string) => void;
  readonly byNode: (groups: readonly string[]) => ReadonlyMap<number, readonly string[]>;
};

function createDirectory(role: Role, metadata: Metadata): Directory {
  const held = new Map<string, number>();

  async function lookUp(groups: readonly string[], what: string, { fail, refused }: Round): Promise<void> {
    if (groups.length === 0) return;
    const node = await metadata.any();
    const many = (node.versions.get(10)?.max ?? 0) >= 4;
    const answers = many
      ? await inParallel(batches(groups, groupsPerLookup), lookupsAtOnce, (batch) =>
          node.send(findMany(batch)),
        )
      : await inParallel(groups, lookupsAtOnce, async (group) => [await node.send(findOne(group))]);
    for (const { group, error, node: id } of answers.flat()) {
      if (error === 0) held.set(group, id);
      else if (isPassing(error)) fail(group, codeName(error));
      else refused(group, answerError(role, error, `FindCoordinator of ${group} (${what})`));
    }
  }

  function byNode(groups: readonly string[]): Map<number, string[]> {
    const nodes = new Map<number, string[]>();
    for (const group of groups) {
      const id = held.get(group);
      if (id === undefined) throw new FerryError("E_INTERNAL", `Group ${group} has no coordinator entry.`);
      const mine = nodes.get(id);
      if (mine) mine.push(group);
      else nodes.set(id, [group]);
    }
    return nodes;
  }

  return {
    lookUp,
    byNode,
    has: (group) => held.has(group),
    forget: (group) => void held.delete(group),
  };
}

type Calls = (
  pending: readonly string[],
  perCall: number,
  what: string,
  call: GroupCall,
  round: Round,
) => Promise<void>;

/** One round: each group's coordinator is looked up where it is not known, and called. */
function createCalls(role: Role, metadata: Metadata): Calls {
  const directory = createDirectory(role, metadata);

  async function callNode(
    id: number,
    groups: readonly string[],
    what: string,
    call: GroupCall,
    round: Round,
  ): Promise<void> {
    try {
      const answers = await call(await metadata.broker(id), groups);
      for (const group of groups) settle(group, answers.get(group), what, round);
    } catch (thrown) {
      if (!isUnreachable(thrown)) throw thrown;
      for (const group of groups) {
        directory.forget(group);
        round.fail(group, thrown.message);
      }
    }
  }

  function settle(group: string, error: number | undefined, what: string, { fail, refused }: Round): void {
    if (error === 0) return;
    if (error !== undefined && !isPassing(error)) {
      return refused(group, answerError(role, error, `${what} of ${group}`));
    }
    if (error !== code.loading) directory.forget(group);
    fail(group, error === undefined ? "no answer" : codeName(error));
  }

  /** Looks up the coordinators that are not known; the groups that have one, as far as it is. */
  async function locate(pending: readonly string[], what: string, round: Round): Promise<readonly string[]> {
    const out = new Set<string>();
    const absent = pending.filter((group) => !directory.has(group));
    const noting: Round = {
      fail(group, why) {
        out.add(group);
        round.fail(group, why);
      },
      refused(group, error) {
        out.add(group);
        round.refused(group, error);
      },
    };
    try {
      await directory.lookUp(absent, what, noting);
    } catch (thrown) {
      if (!isUnreachable(thrown)) throw thrown;
      for (const group of absent) noting.fail(group, thrown.message);
    }
    return pending.filter((group) => !out.has(group));
  }

  return async (pending, perCall, what, call, round) => {
    const ready = await locate(pending, what, round);
    const calls = [...directory.byNode(ready)].flatMap(([id, mine]) =>
      batches(mine, perCall).map((batch) => ({ id, batch })),
    );
    await inParallel(calls, callsAtOnce, ({ id, batch }) => callNode(id, batch, what, call, round));
  };
}

export function createCoordinators(role: Role, metadata: Metadata, clock: Clock): Coordinators {
  const callAll = createCalls(role, metadata);
  return {
    async ask(groups, perCall, what, call, given) {
      const naming = { what: `${what} on the ${role} cluster`, name: (group: string) => group };
      const gaps = given ?? noGaps(naming);
      await collect(
        [...new Set(groups)],
        (pending, fail) => callAll(pending, perCall, what, call, { fail, refused: gaps.refused }),
        { clock, ...naming, gaps },
      );
    },
  };
}

function findOne(group: string): Request<Answer> {
  return {
    key: 10,
    name: "FindCoordinator",
    min: 1,
    max: 2,
    encode(writer) {
      writer.text(group);
      writer.i8(0);
    },
    decode(reader) {
      reader.throttle();
      const error = reader.i16();
      reader.nullableText();
      return { group, error, node: reader.i32() };
    },
  };
}

/** KIP-699, Kafka 3.0. */
function findMany(groups: readonly string[]): Request<readonly Answer[]> {
  return {
    key: 10,
    name: "FindCoordinator",
    min: 4,
    max: 4,
    flexibleFrom: 3,
    encode(writer) {
      writer.i8(0);
      writer.compactArray(groups, writer.compactText);
      writer.tags();
    },
    decode(reader) {
      reader.throttle();
      return reader.compactArray(() => {
        const group = reader.compactText();
        const node = reader.i32();
        reader.compactText();
        reader.i32();
        const error = reader.i16();
        reader.compactNullableText();
        reader.tags();
        return { group, error, node };
      });
    },
  };
}
