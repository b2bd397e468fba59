import { describe, expect, it } from "vitest";
import { everybody } from "#domain/access/acl-matching.ts";
import { planAclCopy } from "#domain/access/copy.ts";
import { type Action, decide, operationsOf } from "#domain/access/decision.ts";
import { accessDiff } from "#domain/access/diff.ts";
import { actionOf, policyFor, resourceArn } from "#domain/access/policy.ts";
import { policyDiff } from "#domain/access/policy-diff.ts";
import { type Acl, known, unknown } from "#domain/topology.ts";
import { createFakeAuthorizer } from "#support/fake-authorizer.ts";
import { iamAllows } from "#support/iam-evaluator.ts";
import { randomAcls, seeded } from "#support/random-acls.ts";

const cluster = "arn:aws:kafka:us-east-1:123456789012:cluster/migrated/abc-1";
const mirror = { source: "User:ferry", target: "User:ferry" };
const open = { everyoneIfNoAcl: known(true), superUsers: known<readonly string[]>([]) };
const withMirror = { ...open, superUsers: known(["User:ferry"]) };

function question(source: readonly Acl[], target: readonly Acl[] = [], changes: object = {}) {
  const rules = { auth: "scram", principals: {} } as const;
  return { source, target, fences: [], rules, mirror, targetSuperUsers: known(["User:ferry"]), ...changes };
}

const topic = (operation: string, principal: string, changes: Partial<Acl> = {}): Acl => ({
  resourceType: "TOPIC",
  resourceName: "orders",
  patternType: "LITERAL",
  principal,
  host: "*",
  operation,
  permission: "ALLOW",
  ...changes,
});

const names = ["orders", "orders-eu-1", "o", "other", "pay$ments*", "pay$mentsX"];

describe("random ACLs", () => {
  it("are decided as the fake authorizer, a second implementation, decides them", () => {
    for (let seed = 0; seed < 60; seed += 1) {
      const acls = randomAcls(seeded(seed), 12);
      const authorizer = createFakeAuthorizer("source", { everyone: seed % 2 === 0 });
      authorizer.replace(acls);
      const facts = { ...open, everyoneIfNoAcl: known(seed % 2 === 0) };
      for (const resourceName of names) {
        for (const operation of operationsOf.TOPIC) {
          const asked = { principal: "User:a", host: "10.0.0.1", operation, resourceName } as const;
          const action = { ...asked, resourceType: "TOPIC" } as const;
          expect(decide(acls, action, facts).answer === "allowed").toBe(authorizer.allows(action));
        }
      }
    }
  });

  it("are the same on a target with an authorizer after the copy: the diff is empty, and was not before", () => {
    let before = 0;
    for (let seed = 0; seed < 60; seed += 1) {
      const source = randomAcls(seeded(seed), 15);
      const foreign = randomAcls(seeded(seed + 1000), 0);
      const copy = planAclCopy(question(source, foreign));
      const of = (acls: readonly Acl[]) =>
        accessDiff({
          source: { acls: source, facts: open },
          target: { acls, facts: withMirror },
          rules: { auth: "scram", principals: {} },
          mirror,
          left: copy.left,
        }).differences;
      before += of([]).length;
      expect(of([...copy.keep, ...copy.add])).toEqual([]);
      expect(planAclCopy(question(source, [...copy.keep, ...copy.add]))).toMatchObject({ keep: [], add: [] });
    }
    expect(before).toBeGreaterThan(100);
  });

  it("differ on the target by no more than what is explained, where the mirror is no super user", () => {
    for (let seed = 0; seed < 60; seed += 1) {
      const source = randomAcls(seeded(seed), 15);
      const copy = planAclCopy(question(source, [], { targetSuperUsers: unknown("hidden") }));
      const target = [...copy.keep, ...copy.add];
      const { differences } = accessDiff({
        source: { acls: source, facts: open },
        target: { acls: target, facts: { ...open, superUsers: unknown("hidden") } },
        rules: { auth: "scram", principals: {} },
        mirror,
        left: copy.left,
      });
      expect(differences.filter(({ why }) => !why.includes("is not copied: it would stop"))).toEqual([]);
      // The mirror may do all that it does, on whatever resource.
      for (const resourceName of [...names, "kafka-cluster"]) {
        for (const resourceType of ["TOPIC", "GROUP", "CLUSTER", "TRANSACTIONAL_ID"] as const) {
          const asked = { principal: mirror.target, host: "10.0.0.9", operation: "WRITE", resourceName };
          expect(decide(target, { ...asked, resourceType }, open).answer).toBe("allowed");
        }
      }
    }
  });

  it("are allowed by the policies exactly where Kafka allows them", () => {
    let allowed = 0;
    for (let seed = 0; seed < 20; seed += 1) {
      const acls = randomAcls(seeded(seed), 14);
      for (const principal of ["User:a", "User:nobody"]) {
        const { documents } = policyFor(principal, acls, cluster);
        for (const action of everyAction(principal)) {
          const { resourceType, resourceName, operation, host } = action;
          const name = actionOf(resourceType, operation);
          if (name === undefined || operation === "IDEMPOTENT_WRITE") continue;
          const wanted = isAllowed(acls, action);
          const arn = resourceArn(cluster, resourceType, resourceName);
          expect([seed, action, iamAllows(documents, name, arn, host)]).toEqual([seed, action, wanted]);
          allowed += Number(wanted);
        }
      }
    }
    expect(allowed).toBeGreaterThan(500);
  });

  it("leave nothing to tell once their policies are given, but for what IAM cannot say", () => {
    for (let seed = 0; seed < 20; seed += 1) {
      const acls = randomAcls(seeded(seed), 14);
      const wanted = ["User:a", "User:b", "User:c", everybody].map((who) => policyFor(who, acls, cluster));
      const given = new Map(wanted.map(({ principal, documents }) => [principal, documents]));
      const source = { acls, facts: { ...open, everyoneIfNoAcl: known(false) } };
      const question = { source, given, wanted, cluster, mirror: "User:ferry" };
      const { differences } = policyDiff(question);
      expect(differences.filter(({ why }) => !/delegation tokens|CREATE on the cluster/.test(why))).toEqual(
        [],
      );
      expect(policyDiff({ ...question, given: new Map() }).differences.length).toBeGreaterThan(5);
    }
  });
});

describe("principals on the target", () => {
  it("keep their name where they can have it, are mapped where told, and are named otherwise", () => {
    const acls = ["User:app", "User:CN=app,OU=x", "User:ANONYMOUS", "Group:team"].map((who) =>
      topic("READ", who),
    );
    const unmapped = (auth: string, principals = {}) => leftOut(acls, { rules: { auth, principals } });
    const [, certificate = "", , group = ""] = acls.map(({ principal }) => principal);
    expect(unmapped("scram").map(([, who]) => who)).toEqual([certificate, "User:ANONYMOUS", group]);
    expect(unmapped("tls").map(([, who]) => who)).toEqual(["User:app", "User:ANONYMOUS", group]);
    expect(unmapped("unauthenticated").map(([, who]) => who)).toEqual(["User:app", certificate, group]);
    const told = {
      [certificate]: "User:app2",
      "User:ANONYMOUS": "User:nobody",
      [group]: "arn:aws:iam::1:role/x",
    };
    expect(unmapped("scram", told)).toEqual([["principal", group]]);
    const lost = unmapped("tls", { "User:app": "User:ANONYMOUS" });
    expect(lost).toContainEqual(["principal", "User:app"]);
    expect(
      planAclCopy(question(acls, [], { rules: { auth: "scram", principals: told } })).add,
    ).toContainEqual(topic("READ", "User:app2"));
  });

  it("that share a name on the target are told apart in the diff", () => {
    const source = [topic("READ", "User:a"), topic("WRITE", "User:b")];
    const rules = { auth: "scram", principals: { "User:a": "User:both", "User:b": "User:both" } } as const;
    const copy = planAclCopy(question(source, [], { rules }));
    const target = { acls: [...copy.keep, ...copy.add], facts: withMirror };
    const found = accessDiff({
      source: { acls: source, facts: open },
      target,
      rules,
      mirror,
      left: copy.left,
    });
    expect(found.differences).toMatchObject([
      { principal: "User:a", operations: ["WRITE"], source: "denied", target: "allowed" },
      { principal: "User:b", operations: ["READ"], why: expect.stringContaining("as are User:a") },
    ]);
  });

  it("lose no right of the fence's or the mirror's, and take none of theirs over", () => {
    const fence = [topic("ALL", everybody), topic("WRITE", everybody, { permission: "DENY" })];
    const source = [...fence, topic("READ", "User:ferry"), topic("READ", "User:app")];
    const copy = planAclCopy(question(source, [], { fences: fence }));
    expect(copy.add).toEqual([topic("READ", "User:app")]);
    expect(copy.left.map(({ kind }) => kind)).toEqual(["fence", "fence", "mirror"]);
  });
});

describe("what cannot be said by a policy", () => {
  it("is named: delegation tokens, operations without an action, host names; addresses are said nearly", () => {
    const acls = [
      topic("DESCRIBE", "User:app", { resourceType: "DELEGATION_TOKEN", resourceName: "t" }),
      topic("CLUSTER_ACTION", "User:app", { resourceType: "CLUSTER", resourceName: "kafka-cluster" }),
      topic("READ", "User:app", { host: "app.internal" }),
      topic("WRITE", "User:app", { host: "10.0.0.1" }),
    ];
    const { gaps, documents } = policyFor("User:app", acls, cluster);
    expect(gaps.map(({ acl, lost }) => [acls.indexOf(acl), lost])).toEqual([
      [0, true],
      [1, true],
      [2, true],
      [3, false],
    ]);
    expect(JSON.stringify(documents)).toContain('{"IpAddress":{"aws:SourceIp":["10.0.0.1/32"]}}');
  });

  it("is cut into parts that IAM takes", () => {
    const acls = Array.from({ length: 300 }, (_, index) =>
      topic("READ", "User:app", { resourceName: `topic-${index}` }),
    );
    const { documents } = policyFor("User:app", acls, cluster);
    expect(documents.length).toBeGreaterThan(2);
    expect(Math.max(...documents.map((each) => JSON.stringify(each).length))).toBeLessThanOrEqual(6144);
    const arns = documents.flatMap(({ Statement }) => Statement.flatMap(({ Resource }) => Resource));
    expect(new Set(arns).size).toBe(301);
  });
});

function leftOut(source: readonly Acl[], changes: object): ReadonlyArray<readonly [string, string]> {
  return planAclCopy(question(source, [], changes)).left.map(
    ({ kind, acl }) => [kind, acl.principal] as const,
  );
}

function everyAction(principal: string): readonly Action[] {
  return (["TOPIC", "GROUP", "TRANSACTIONAL_ID", "CLUSTER"] as const).flatMap((resourceType) =>
    operationsOf[resourceType].flatMap((operation) =>
      (resourceType === "CLUSTER" ? ["kafka-cluster"] : names).flatMap((resourceName) =>
        ["10.0.0.1", "10.0.0.9"].map((host) => ({ principal, resourceType, operation, resourceName, host })),
      ),
    ),
  );
}

/** As brokers answer: a topic is created by right to the cluster or to the topic. A host's right to the cluster is left out. */
function isAllowed(acls: readonly Acl[], action: Action): boolean {
  const closed = { ...open, everyoneIfNoAcl: known(false) };
  if (decide(acls, action, closed).answer === "allowed") return true;
  if (action.resourceType !== "TOPIC" || action.operation !== "CREATE") return false;
  const common = acls.filter(({ host, permission }) => host === "*" || permission === "DENY");
  const anywhere = common.map((acl) => ({ ...acl, host: "*" }));
  const onCluster = { ...action, resourceType: "CLUSTER", resourceName: "kafka-cluster" } as const;
  return decide(anywhere, onCluster, closed).answer === "allowed";
}
