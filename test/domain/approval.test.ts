import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { quorumOf } from "#domain/approval/approval.ts";
import { type Tally, tally, voteOf } from "#domain/approval/votes.ts";
import type { Person, Reaction } from "#domain/ports.ts";

const people: ReadonlyMap<string, Person> = new Map(
  [
    ["U1", "member"],
    ["U2", "member"],
    ["U3", "member"],
    ["UREQ", "member"],
    ["UOUT", "member"],
    ["UGUEST", "guest"],
    ["UBOT", "bot"],
    ["UGONE", "deactivated"],
    ["UFAR", "stranger"],
  ].map(([id = "", kind]) => [id, { id, name: id, kind: asKind(kind) }]),
);
// Everybody who must never count stands on the list too: being listed does not help them.
const eligible = new Set(["U1", "U2", "U3", "UREQ", "UGUEST", "UBOT", "UGONE", "UFAR", "UNKNOWN"]);

function asKind(kind: string | undefined): Person["kind"] {
  return kind === "guest" || kind === "bot" || kind === "deactivated" || kind === "stranger"
    ? kind
    : "member";
}

function count(reactions: readonly Reaction[]): Tally {
  return tally({ requester: "UREQ" }, reactions, people, eligible);
}

const reactionsOf = fc.array(
  fc.record({
    name: fc.constantFrom(
      "white_check_mark",
      "white_check_mark::skin-tone-3",
      "x",
      "+1",
      "heavy_check_mark",
      "no_entry",
    ),
    users: fc.array(fc.constantFrom(...people.keys(), "UNKNOWN"), { maxLength: 8 }),
  }),
  { maxLength: 6 },
);

describe("the count of reactions", () => {
  it("does not depend on order or repetition", () => {
    fc.assert(
      fc.property(reactionsOf, (reactions) => {
        const shuffled = reactions
          .toReversed()
          .map(({ name, users }) => ({ name, users: users.toReversed() }));
        const once = count(reactions);
        const twice = count([...shuffled, ...reactions]);
        expect([twice.approved, twice.denied]).toEqual([once.approved, once.denied]);
        expect(new Set(twice.refused)).toEqual(new Set(once.refused));
      }),
    );
  });

  it("never holds anybody but eligible members who did not ask, and each at most once", () => {
    fc.assert(
      fc.property(reactionsOf, (reactions) => {
        const { approved, denied } = count(reactions);
        for (const user of [...approved, ...denied]) expect(["U1", "U2", "U3"]).toContain(user);
        expect(new Set([...approved, ...denied]).size).toBe(approved.length + denied.length);
      }),
    );
  });

  it("names why somebody is not counted", () => {
    const users = ["UREQ", "UOUT", "UGUEST", "UBOT", "UGONE", "UFAR", "UNKNOWN"];
    expect(
      count([{ name: "white_check_mark", users }]).refused.map(({ user, code }) => [user, code]),
    ).toEqual([
      ["UREQ", "requester"],
      ["UOUT", "not-listed"],
      ["UGUEST", "guest"],
      ["UBOT", "bot"],
      ["UGONE", "deactivated"],
      ["UFAR", "stranger"],
      ["UNKNOWN", "stranger"],
    ]);
  });

  it("takes two emoji and no others", () => {
    const names = [
      "white_check_mark",
      "x::skin-tone-2",
      "+1",
      "ballot_box_with_check",
      "negative_squared_cross_mark",
    ];
    expect(names.map((name) => voteOf(name))).toEqual(["approve", "deny", undefined, undefined, undefined]);
  });
});

describe("how many must approve", () => {
  const proposal = { action: "cleanup", title: "", plan: {}, effects: [], facts: [], quorum: 1 } as const;
  const of = (action: "cleanup" | "feature", quorum: number) => ({
    ...proposal,
    effects: [],
    facts: [],
    action,
    quorum,
  });

  it("is two at least, and more where the team wants it, except for a feature that says one", () => {
    expect(quorumOf(of("cleanup", 1), 2)).toBe(2);
    expect(quorumOf(of("cleanup", 1), 3)).toBe(3);
    expect(quorumOf(of("feature", 1), 2)).toBe(1);
    expect(quorumOf(of("feature", 2), 2)).toBe(2);
  });
});
