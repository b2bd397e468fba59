import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { aclText, authorizerFacts } from "#domain/access/acl-matching.ts";
import { type FencePlan, type FenceQuestion, planFence } from "#domain/switch/fence.ts";
import { type Acl, type ConfigEntry, known, unknown } from "#domain/topology.ts";

const mirror = "User:mm2";
const boss = "User:boss";
const people = [mirror, boss, "User:checkout", "User:ledger", "User:ANONYMOUS"];
const operations = ["READ", "WRITE", "DESCRIBE", "DELETE", "ALTER", "DESCRIBE_CONFIGS", "ALTER_CONFIGS"];
const topics = ["pay", "payments", "orders"];

/**
 * StandardAuthorizerData in small, written apart from the planner: super users first; then any DENY that matches; then
 * any ALLOW, which includes DESCRIBE and DESCRIBE_CONFIGS; then the default, if no ACL is about the resource at all.
 */
function allows(
  acls: readonly Acl[],
  settings: { readonly everyone: boolean; readonly superUsers: readonly string[] },
  [who, operation, topic]: readonly [string, string, string],
): boolean {
  if (settings.superUsers.includes(who)) return true;
  const about = acls.filter((acl) => isAbout(acl, topic));
  if (about.length === 0) return settings.everyone;
  const mine = about.filter(
    (acl) => [who, "User:*"].includes(acl.principal) && ["*", "10.0.0.7"].includes(acl.host),
  );
  const denies = mine.some((acl) => acl.permission === "DENY" && [operation, "ALL"].includes(acl.operation));
  return !denies && mine.some((acl) => acl.permission === "ALLOW" && includes(acl.operation, operation));
}

function isAbout({ resourceType, resourceName, patternType }: Acl, topic: string): boolean {
  if (resourceType !== "TOPIC") return false;
  return patternType === "PREFIXED" ? topic.startsWith(resourceName) : [topic, "*"].includes(resourceName);
}

/** Of an ALLOW only. */
function includes(allowed: string, wanted: string): boolean {
  if (allowed === wanted || allowed === "ALL") return true;
  if (wanted === "DESCRIBE") return ["READ", "WRITE", "DELETE", "ALTER"].includes(allowed);
  return wanted === "DESCRIBE_CONFIGS" && allowed === "ALTER_CONFIGS";
}

const everyCase = topics.flatMap((topic) =>
  people.flatMap((who) => operations.map((operation) => [who, operation, topic] as const)),
);

const anyAcl: fc.Arbitrary<Acl> = fc
  .record({
    name: fc.constantFrom("pay", "payments", "orders", "*", "other", "p"),
    prefixed: fc.boolean(),
    principal: fc.constantFrom(...people, "User:*"),
    host: fc.constantFrom("*", "*", "10.0.0.7", "10.0.0.8"),
    operation: fc.constantFrom(...operations, "ALL", "WRITE"),
    permission: fc.constantFrom("ALLOW", "ALLOW", "DENY"),
    resourceType: fc.constantFrom("TOPIC", "TOPIC", "TOPIC", "GROUP"),
  })
  .map(({ name, prefixed, ...acl }) => ({
    ...acl,
    resourceName: name,
    patternType: prefixed && name !== "*" ? "PREFIXED" : "LITERAL",
  }));

const scene = fc.record({
  acls: fc.uniqueArray(anyAcl, { maxLength: 7, selector: aclText }),
  everyone: fc.boolean(),
  superUsers: fc.constantFrom<readonly string[]>([], [boss], [boss, mirror]),
  wave: fc.subarray(topics, { minLength: 1 }),
});

function plan(acls: readonly Acl[], rest: Partial<FenceQuestion> = {}): FencePlan {
  return planFence({
    acls: known(acls),
    everyoneIfNoAcl: known(true),
    superUsers: known([boss]),
    mirrorPrincipal: mirror,
    topics: ["payments"],
    ...rest,
  });
}

function acl(text: string): Acl {
  const [permission = "", operation = "", resourceName = "", principal = "", patternType = "LITERAL"] =
    text.split(" ");
  return { resourceType: "TOPIC", resourceName, patternType, principal, host: "*", operation, permission };
}

function entry(name: string, value: string | null): ConfigEntry {
  return { name, value, origin: "broker-static" };
}

describe("a fence of ACLs, against a small authorizer", () => {
  it("stops every writer but super users and the mirror, and changes no other right of anybody", () => {
    fc.assert(
      fc.property(scene, ({ acls, everyone, superUsers, wave }) => {
        const settings = { everyone, superUsers };
        const fence = plan(acls, {
          everyoneIfNoAcl: known(everyone),
          superUsers: known(superUsers),
          topics: wave,
        });
        const after = [...acls, ...fence.allow, ...fence.deny];
        const wrong = everyCase.filter(([who, operation, topic]) => {
          const now = allows(after, settings, [who, operation, topic]);
          if (operation !== "WRITE" || !wave.includes(topic)) {
            return now !== allows(acls, settings, [who, operation, topic]);
          }
          return who !== mirror && now !== superUsers.includes(who);
        });
        expect(wrong).toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });

  it("says truly whether it stops the mirror, and never names it", () => {
    fc.assert(
      fc.property(scene, ({ acls, everyone, superUsers, wave }) => {
        const settings = { everyone, superUsers };
        const fence = plan(acls, {
          everyoneIfNoAcl: known(everyone),
          superUsers: known(superUsers),
          topics: wave,
        });
        const after = [...acls, ...fence.allow, ...fence.deny];
        const loses = wave.some(
          (topic) =>
            allows(acls, settings, [mirror, "WRITE", topic]) &&
            !allows(after, settings, [mirror, "WRITE", topic]),
        );
        expect(fence.deny.map(({ principal }) => principal)).not.toContain(mirror);
        expect(loses && !fence.stopsMirror, "stopped unsaid").toBe(false);
        expect(fence.stopsMirror && superUsers.includes(mirror), "a super user said to be stopped").toBe(
          false,
        );
      }),
      { numRuns: 1000 },
    );
  });

  it("keeps every right at every moment of setting and lifting, in its order, and leaves the ACLs as they were", () => {
    fc.assert(
      fc.property(scene, ({ acls, everyone, superUsers, wave }) => {
        const settings = { everyone, superUsers };
        const fence = plan(acls, {
          everyoneIfNoAcl: known(everyone),
          superUsers: known(superUsers),
          topics: wave,
        });
        const added = [...fence.allow, ...fence.deny];
        const texts = new Set(acls.map(aclText));
        expect(added.map(aclText).filter((text) => texts.has(text))).toEqual([]);
        expect(new Set(added.map(aclText)).size).toBe(added.length);
        for (let count = 0; count <= added.length; count += 1) {
          const half = [...acls, ...added.slice(0, count)];
          const changed = everyCase.filter(
            (each) => each[1] !== "WRITE" && allows(half, settings, each) !== allows(acls, settings, each),
          );
          expect(changed).toEqual([]);
        }
        const gone = new Set(added.map(aclText));
        expect([...acls, ...added].filter((each) => !gone.has(aclText(each)))).toEqual(acls);
      }),
      { numRuns: 400 },
    );
  });

  it("never adds an ALLOW where the topic has an ACL or the default is closed", () => {
    fc.assert(
      fc.property(scene, ({ acls, superUsers, wave }) => {
        const closed = plan(acls, {
          everyoneIfNoAcl: known(false),
          superUsers: known(superUsers),
          topics: wave,
        });
        expect(closed.allow).toEqual([]);
      }),
    );
    expect(plan([acl("ALLOW READ payments User:ledger")]).allow).toEqual([]);
  });
});

describe("what is added", () => {
  it("keeps reads open where everybody was let in, ALLOW first", () => {
    const fence = plan([]);
    expect(fence.allow.map(aclText)).toEqual(["ALLOW ALL on payments for User:*"]);
    expect(fence.deny.map(aclText)).toEqual(["DENY WRITE on payments for User:*"]);
    expect(fence.stopsMirror).toBe(true);
    expect(plan([], { superUsers: known([mirror]) }).stopsMirror).toBe(false);
  });

  it("denies who was allowed by name, by prefix or by wildcard, each on its topic only", () => {
    const acls = [
      acl("ALLOW WRITE payments User:a"),
      acl("ALLOW ALL pay User:b PREFIXED"),
      acl("ALLOW WRITE * User:c"),
      acl("ALLOW READ payments User:d"),
      acl("ALLOW WRITE payments User:mm2"),
    ];
    const fence = plan(acls);
    expect(fence.deny.map(aclText)).toEqual([
      "DENY WRITE on payments for User:a",
      "DENY WRITE on payments for User:b",
      "DENY WRITE on payments for User:c",
    ]);
    expect(fence.stopsMirror).toBe(false);
    expect(fence.covers).toEqual([{ topic: "payments", denied: ["User:a", "User:b", "User:c"] }]);
    expect(fence.mirrorWrites).toEqual(["payments"]);
    expect(fence.open).toEqual([]);
  });

  it("says that a super user who is also allowed cannot be stopped", () => {
    const fence = plan([acl("ALLOW WRITE payments User:boss"), acl("ALLOW WRITE payments User:a")]);
    expect(fence.deny.map(aclText)).toEqual(["DENY WRITE on payments for User:a"]);
    expect(fence.covers).toEqual([{ topic: "payments", denied: ["User:a"] }]);
    expect(fence.mirrorWrites).toEqual([]);
    expect(fence.open).toEqual([
      { topic: "payments", who: boss, why: expect.stringContaining("super user") },
    ]);
  });

  it("leaves out what is there already, so that it will not be taken away", () => {
    const acls = [acl("ALLOW WRITE payments User:a"), acl("DENY WRITE payments User:a")];
    expect(plan(acls)).toMatchObject({ allow: [], deny: [], covers: [{ topic: "payments" }] });
  });

  it("adds nothing where nobody but super users can write", () => {
    const fence = plan([], { everyoneIfNoAcl: known(false) });
    expect(fence).toMatchObject({ allow: [], deny: [], open: [], covers: [{ denied: [] }] });
  });

  it("adds nothing on what is not known, and says why", () => {
    const blind = plan([], { acls: unknown("no authorizer") });
    expect(blind).toMatchObject({ allow: [], deny: [], covers: [], open: [{ why: "no authorizer" }] });
    const silent = plan([], { everyoneIfNoAcl: unknown("the broker does not tell") });
    expect(silent).toMatchObject({ allow: [], deny: [], covers: [] });
    expect(silent.open[0]?.why).toContain("the broker does not tell");
  });

  it("takes a mirror for stopped when the super users are not known", () => {
    expect(plan([], { superUsers: unknown("the broker does not tell") }).stopsMirror).toBe(true);
  });
});

describe("what a broker's configuration tells of its authorizer", () => {
  const everyone = "allow.everyone.if.no.acl.found";

  it("splits super users at semicolons", () => {
    const facts = authorizerFacts(
      known([entry("super.users", "User:CN=a,OU=b; User:ferry"), entry(everyone, "TRUE")]),
    );
    expect(facts).toEqual({
      everyoneIfNoAcl: known(true),
      superUsers: known(["User:CN=a,OU=b", "User:ferry"]),
    });
  });

  it("has Kafka's default for what is not set", () => {
    expect(authorizerFacts(known([]))).toEqual({ everyoneIfNoAcl: known(false), superUsers: known([]) });
  });

  it("does not guess what the broker answers with null, and takes what the team told instead", () => {
    const hidden = known([entry("super.users", null), entry(everyone, null)]);
    expect(authorizerFacts(hidden)).toMatchObject({
      everyoneIfNoAcl: { known: false, why: expect.stringContaining(everyone) },
      superUsers: { known: false },
    });
    const told = { everyoneIfNoAcl: true, superUsers: ["User:ferry"] };
    expect(authorizerFacts(hidden, told)).toEqual({
      everyoneIfNoAcl: known(true),
      superUsers: known(["User:ferry"]),
    });
    const open = known([entry(everyone, "false")]);
    expect(authorizerFacts(open, told).everyoneIfNoAcl).toEqual(known(false));
  });

  it("knows nothing of an authorizer that is not Kafka's own", () => {
    const foreign = known([entry("authorizer.class.name", "org.example.Ranger"), entry(everyone, "true")]);
    expect(authorizerFacts(foreign).everyoneIfNoAcl).toMatchObject({
      known: false,
      why: expect.stringContaining("org.example.Ranger"),
    });
  });
});
