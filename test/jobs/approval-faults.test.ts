import * as fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import type * as DecisionModule from "#domain/approval/decision.ts";
import type * as VotesModule from "#domain/approval/votes.ts";
import type { Reaction } from "#domain/ports.ts";
import { known } from "#domain/topology.ts";
import type * as PermissionsModule from "#jobs/approval/permissions.ts";
import type * as AuditModule from "#jobs/approval/request-audit.ts";
import type * as ReviewModule from "#jobs/approval/review.ts";
import { asMembers, type Fault, once, renamed, withFacts, without } from "#support/approval-fault.ts";
import { requester } from "#support/approval-model.ts";
import { played, rulesOf, steps } from "#support/approval-moves.ts";

const planted = vi.hoisted((): { fault: Fault | undefined } => ({ fault: undefined }));

vi.mock("#domain/approval/votes.ts", async (original) => {
  const real = await original<typeof VotesModule>();
  const tally: typeof real.tally = (rules, reactions, people, eligible) => {
    const given = { rules, reactions, people, eligible };
    const changed = { ...given, ...planted.fault?.counts?.(given) };
    const counted = real.tally(changed.rules, changed.reactions, changed.people, changed.eligible);
    return { ...counted, ...planted.fault?.counted?.(counted, given) };
  };
  const voteOf: typeof real.voteOf = (emoji) => real.voteOf(planted.fault?.reads?.(emoji) ?? emoji);
  return { ...real, tally, voteOf };
});

vi.mock("#domain/approval/decision.ts", async (original) => {
  const real = await original<typeof DecisionModule>();
  const decide: typeof real.decide = (request, votes, world, now) => {
    const given = { request, votes, world, now };
    const changed = { ...given, ...planted.fault?.decides?.(given) };
    return real.decide(changed.request, changed.votes, changed.world, changed.now);
  };
  return { ...real, decide };
});

vi.mock("#jobs/approval/review.ts", async (original) => {
  const real = await original<typeof ReviewModule>();
  const reviewOnce: typeof real.reviewOnce = async (found, work, approvables) => {
    const how = planted.fault?.review;
    if (how === "not read back") return { ...found, readBack: true };
    const reviewed = await real.reviewOnce(found, work, approvables);
    return reviewed && how === "unread is enough" ? { ...reviewed, readBack: true } : reviewed;
  };
  return { ...real, reviewOnce };
});

vi.mock("#jobs/approval/permissions.ts", async (original) => {
  const real = await original<typeof PermissionsModule>();
  const mayCancel: typeof real.mayCancel = async (...args) => {
    if (planted.fault?.anybody !== "cancels") await real.mayCancel(...args);
  };
  const mayBreakGlass: typeof real.mayBreakGlass = async (...args) => {
    if (planted.fault?.anybody !== "breaks the glass") await real.mayBreakGlass(...args);
  };
  return { ...real, mayCancel, mayBreakGlass };
});

vi.mock("#jobs/approval/request-audit.ts", async (original) => {
  const real = await original<typeof AuditModule>();
  const auditLeftovers: typeof real.auditLeftovers = async (found, work) =>
    planted.fault?.forgets === "the audit" ? found : real.auditLeftovers(found, work);
  return { ...real, auditLeftovers };
});

const faults: readonly Fault[] = [
  { name: "the requester counts", counts: ({ rules }) => ({ rules: { ...rules, requester: "UNOBODY" } }) },
  {
    name: "another account of the requester counts",
    counts: ({ rules }) => ({
      rules: { ...rules, identities: (rules.identities ?? []).filter((each) => !each.includes(requester)) },
    }),
  },
  {
    name: "two accounts of one person are two people",
    counts: ({ rules }) => ({
      rules: { ...rules, identities: (rules.identities ?? []).filter((each) => each.includes(requester)) },
    }),
  },
  { name: "bots count", counts: asMembers("bot") },
  { name: "guests count", counts: asMembers("guest") },
  { name: "strangers count", counts: asMembers("stranger") },
  { name: "deactivated people count", counts: asMembers("deactivated") },
  {
    name: "people outside the list count",
    counts: ({ reactions }) => ({ eligible: new Set(reactions.flatMap(({ users }) => users)) }),
  },
  {
    name: "the same person counts twice",
    counted: ({ approved }) => ({ approved: [...approved, ...approved] }),
  },
  { name: "a denial is ignored", counts: without("x", "x::skin-tone-2") },
  { name: "a denial with a skin tone is ignored", counts: without("x::skin-tone-2") },
  {
    name: "approve beats deny by the same person",
    counts: ({ reactions }) => {
      const approving = new Set(
        reactions.flatMap(({ name, users }) => (name.startsWith("white_check_mark") ? users : [])),
      );
      return {
        reactions: reactions.map((each) =>
          each.name.startsWith("x")
            ? { ...each, users: each.users.filter((user) => !approving.has(user)) }
            : each,
        ),
      };
    },
  },
  {
    name: "anybody denies",
    shows: "denied by",
    counted: ({ denied, refused }) => ({
      denied: [...denied, ...refused.flatMap(({ user, vote }) => (vote === "deny" ? [user] : []))],
    }),
  },
  {
    name: "another emoji approves",
    reads: (emoji) => (emoji === "+1" ? "white_check_mark" : emoji),
    counts: renamed("+1", "white_check_mark"),
  },
  { name: "a hold is ignored", counted: () => ({ held: [] }) },
  { name: "roles are ignored", counted: () => ({ vacant: [] }) },
  {
    name: "one person is enough",
    counted: ({ approved }) => ({ approved: approved.length === 1 ? [...approved, "USOMEBODY"] : approved }),
  },
  {
    name: "breaking the glass counts twice",
    counted: ({ approved }, { rules }) =>
      rules.breakGlass === undefined ? {} : { approved: [...approved, "USOMEBODY"] },
  },
  {
    name: "anybody breaks the glass",
    anybody: "breaks the glass",
    counts: ({ rules }) => ({ rules: { ...rules, glassBreakers: new Set([rules.breakGlass?.by ?? ""]) } }),
  },
  { name: "anybody cancels", shows: "cancelled by", anybody: "cancels" },
  {
    name: "an expired request is approved",
    shows: "approved after it had expired",
    decides: ({ request }) => (request.state === "open" ? { now: request.createdAt } : {}),
  },
  {
    name: "an approval is good for ever",
    shows: "not good any more",
    decides: ({ request }) => (request.state === "approved" ? { now: request.createdAt } : {}),
  },
  {
    name: "a changed fact is ignored",
    shows: "facts had left",
    decides: withFacts(({ facts }, asked) => ({
      facts: facts.map((fact, index) => (fact.name === "partitions" ? (asked.facts[index] ?? fact) : fact)),
    })),
  },
  {
    name: "a changed tolerance is ignored",
    shows: "facts had left",
    decides: withFacts(({ facts }, asked) => ({
      facts: facts.map((fact, index) => ({ ...fact, tolerance: asked.facts[index]?.tolerance ?? null })),
    })),
  },
  {
    name: "a gate that does not hold is ignored",
    shows: "gate did not hold",
    decides: withFacts(({ facts }) => ({
      facts: facts.map((fact) => ({ ...fact, state: "pass" as const })),
    })),
  },
  {
    name: "a gate that cannot be read is ignored",
    shows: "gate did not hold",
    decides: ({ world, request }) => (world.known ? {} : { world: known(request.proposal) }),
  },
  { name: "nothing is read back before the start", shows: "not read back", review: "not read back" },
  { name: "a start without an answer from Slack", shows: "not read back", review: "unread is enough" },
  { name: "what a crash left out of the audit is lost", shows: "the audit lacks", forgets: "the audit" },
  {
    name: "what was withdrawn counts",
    ports: () => {
      const ever = new Map<string, readonly Reaction[]>();
      return {
        chat: (real) => ({
          reactions: async (ref) => {
            const all = [...(ever.get(ref.ts) ?? []), ...(await real.reactions(ref))];
            ever.set(ref.ts, all);
            return all;
          },
        }),
      };
    },
  },
  {
    name: "reactions on an earlier message count",
    ports: () => {
      const messages = new Set<string>();
      return {
        chat: (real) => ({
          reactions: async (ref) => {
            messages.add(ref.ts);
            const all = await Promise.all([...messages].map((ts) => real.reactions({ ...ref, ts })));
            return all.flat();
          },
        }),
      };
    },
  },
  {
    name: "a deleted message counts",
    shows: "message was deleted",
    ports: () => {
      const last = new Map<string, readonly Reaction[]>();
      return {
        chat: (real) => ({
          reactions: async (ref) => {
            const found = await real.reactions(ref).catch(() => last.get(ref.ts) ?? []);
            last.set(ref.ts, found);
            return found;
          },
        }),
      };
    },
  },
  {
    name: "people are looked up once",
    ports: () => ({ chat: (real) => ({ person: once((user) => real.person(user)) }) }),
  },
  {
    name: "the list is read once",
    ports: () => ({ chat: (real) => ({ members: once((group) => real.members(group)) }) }),
  },
  {
    name: "reactions are read once",
    ports: () => ({ chat: (real) => ({ reactions: once((ref) => real.reactions(ref)) }) }),
  },
  {
    name: "the state is set without comparing",
    shows: " became ",
    ports: () => ({
      store: (real) => ({
        write: (key, value, { revision, ...condition } = {}) =>
          real.write(
            key,
            value,
            key.startsWith("request:")
              ? condition
              : { ...condition, ...(revision !== undefined && { revision }) },
          ),
      }),
    }),
  },
  {
    name: "a schedule is ignored",
    shows: "before its time",
    ports: () => ({
      store: (real) => ({
        read: async (key) => {
          const found = await real.read(key);
          if (found === undefined || !key.startsWith("request:")) return found;
          return JSON.parse(
            JSON.stringify(found, (name, value: unknown) => (name === "startAt" ? undefined : value)),
          );
        },
      }),
    }),
  },
];

/** A fault that this many interleavings do not show would not be shown by the rules' own test either. */
const enough = 6000;

describe("a fault in a rule of approvals is found by interleavings", () => {
  afterEach(() => {
    planted.fault = undefined;
  });

  it("and none is found where none is planted", async () => {
    const property = fc.asyncProperty(rulesOf, steps, async (rules, all) => {
      expect(await played(rules, all)).toEqual([]);
    });
    await fc.assert(property, { numRuns: 7000 });
  }, 900_000);

  it.each(faults)(
    "$name",
    async (fault) => {
      planted.fault = fault;
      const { shows = "the approvals did not stand", ports } = fault;
      const property = fc.asyncProperty(rulesOf, steps, async (rules, all) => {
        const wrong = await played(rules, all, ports?.());
        return !wrong.some((why) => why.includes(shows));
      });
      const { failed, numRuns } = await fc.check(property, { numRuns: enough, seed: 5, endOnFailure: true });
      expect(failed, `${numRuns} interleavings did not show it`).toBe(true);
    },
    900_000,
  );
});
