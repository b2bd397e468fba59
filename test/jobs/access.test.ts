import { describe, expect, it } from "vitest";
import type { Message } from "#domain/message.ts";
import { type Acl, unknown } from "#domain/topology.ts";
import { access } from "#jobs/access/access.ts";
import { readAdded } from "#jobs/access/access-document.ts";
import { accessBeforeReplication } from "#jobs/access/before-replication.ts";
import { access as change } from "#jobs/access/copy.ts";
import { runSteps } from "#jobs/run/steps.ts";
import type { Work } from "#jobs/work.ts";
import { createAwsWork } from "#support/aws-work.ts";
import { withWorld } from "#support/cutover-bench.ts";
import { openRun } from "#support/sample-migration.ts";

const job = { name: "access", migration: "orders", by: "UANA" } as const;
const scram = { auth: "scram", scram: { username: "ferry", passwordEnv: "P", secretArns: ["arn:s"] } };

function acl(principal: string, operation: string, changes: Partial<Acl> = {}): Acl {
  return {
    resourceType: "TOPIC",
    resourceName: "orders",
    patternType: "LITERAL",
    principal,
    host: "*",
    operation,
    permission: "ALLOW",
    ...changes,
  };
}

const sourceAcls = [
  acl("User:billing", "READ"),
  acl("User:billing", "READ", { resourceType: "GROUP", resourceName: "billing-", patternType: "PREFIXED" }),
  acl("User:checkout", "WRITE"),
  acl("User:checkout", "WRITE", { resourceType: "TRANSACTIONAL_ID", resourceName: "checkout-1" }),
  acl("User:checkout", "WRITE", { permission: "DENY", host: "10.0.0.7" }),
  acl("User:ops", "ALTER", { resourceType: "CLUSTER", resourceName: "kafka-cluster" }),
  acl("User:CN=old,OU=shop", "READ"),
  acl("User:*", "DELETE", { permission: "DENY" }),
  acl("User:ferry-source", "READ", { resourceName: "*" }),
];
const foreign = acl("User:stranger", "READ", { resourceName: "shared" });

type Aws = Awaited<ReturnType<typeof migration>>;

async function migration(target: object = scram) {
  const aws = await createAwsWork({
    target,
    source: {
      security: {
        protocol: "SASL_PLAINTEXT",
        mechanism: "PLAIN",
        username: "ferry-source",
        passwordEnv: "P",
      },
    },
  });
  aws.msk.put({ name: "migrated" });
  aws.source.setAuthorizer({ superUsers: ["User:ANONYMOUS"] });
  aws.source.setAcls(sourceAcls);
  aws.target.setAuthorizer({ everyone: true });
  aws.target.actAs("User:ferry");
  aws.target.setAcls([foreign]);
  await aws.source.cluster.alterQuotas([
    { entity: [{ type: "user", name: "billing" }], limits: { consumer_byte_rate: 1000 } },
    {
      entity: [{ type: "client-id", name: null }],
      limits: { producer_byte_rate: 500, request_percentage: 20 },
    },
    { entity: [{ type: "client-id", name: "ferry-orders-mirror" }], limits: { producer_byte_rate: 7 } },
  ]);
  return aws;
}

async function shown(aws: Aws, action: "show" | "diff"): Promise<Message | undefined> {
  const work = aws.open();
  await access({ ...job, action }, work);
  return work.card.shown.at(-1);
}

async function carryOut(
  aws: Aws,
  choice: "copy" | "withdraw",
  changed: (work: Work) => Work = (work) => work,
) {
  const work = changed(aws.open());
  const proposal = await change.propose({ choice, by: "UANA" }, work);
  const run = await openRun(aws.store, `${choice}-1`);
  const steps = await change.steps(proposal, work, run);
  const result = await runSteps({ steps, run, work, subject: "orders · access" });
  const parts = await change.summary(proposal, work, run);
  await run.leave(0);
  return { proposal, result, parts };
}

async function held(aws: Aws): Promise<readonly Acl[]> {
  const acls = await aws.target.cluster.acls();
  if (!acls.known) throw new Error(acls.why);
  return acls.value;
}

describe("access for a SCRAM target", () => {
  it("shows what would be added, changes nothing, and asks before it does", async () => {
    const aws = await migration();
    const text = JSON.stringify(await shown(aws, "show"));
    expect(text).toContain("ALLOW READ on group billing-… (prefix) for User:billing");
    expect(text).toContain("a certificate's name; name its SCRAM user in access.principals");
    expect(text).toContain("DENY DELETE on orders for User:*");
    expect(text).toContain("it would stop the mirror (User:ferry)");
    expect(text).toContain("AmazonMSK_billing");
    expect(text).not.toContain("ferry-source (");
    expect(await held(aws)).toEqual([foreign]);
    const proposal = await change.propose({ choice: "copy", by: "UANA" }, aws.open());
    expect(proposal).toMatchObject({
      action: "access",
      quorum: 1,
      facts: [{ state: "pass" }, { state: "pass" }],
    });
    expect(JSON.stringify(proposal.effects)).toContain("/ferry access withdraw");
  });

  it("adds them with the mirror's own rights, leaves the foreign one, and takes exactly these away again", async () => {
    const aws = await migration();
    const { result } = await carryOut(aws, "copy");
    expect(result).toEqual({ kind: "done" });
    const acls = await held(aws);
    const copied = sourceAcls.filter(({ principal }) => /billing|checkout|ops/.test(principal));
    expect(acls).toEqual(expect.arrayContaining([foreign, ...copied]));
    const own = acls.filter(({ principal }) => principal === "User:ferry");
    expect(own.map(({ resourceName }) => resourceName).toSorted()).toEqual(
      ["billing-", "checkout-1", "kafka-cluster", "orders"].toSorted(),
    );
    expect(acls).toHaveLength(1 + copied.length + own.length);
    const trail = await aws.store.auditTrail("orders");
    expect(trail).toContainEqual(
      expect.objectContaining({
        what: "access.acls-added",
        subject: "User:billing",
        before: [],
        after: expect.arrayContaining(["ALLOW READ on group billing-… (prefix) for User:billing"]),
      }),
    );
    const differing = JSON.stringify(await shown(aws, "diff"));
    expect(differing).toContain("User:CN=old,OU=shop");
    expect(differing).toContain("the target's own ACL: ALLOW READ on shared for User:stranger");
    expect(differing).not.toContain("User:billing");
    await carryOut(aws, "withdraw");
    expect(await held(aws)).toEqual([foreign]);
    expect(await readAdded(aws.open())).toMatchObject({ acls: [], quotas: [] });
  });

  it("sets the quotas that are missing, never the throttle's, and removes only what nobody has changed since", async () => {
    const aws = await migration();
    const quotas = async () => {
      const all = await aws.target.cluster.quotas();
      return all.known ? all.value : [];
    };
    const byDefault = { entity: [{ type: "client-id", name: null }] };
    await aws.target.cluster.alterQuotas([{ ...byDefault, limits: { request_percentage: 99 } }]);
    await carryOut(aws, "copy");
    const user = { entity: [{ type: "user", name: "billing" }], limits: { consumer_byte_rate: 1000 } };
    expect(await quotas()).toEqual([
      { ...byDefault, limits: { request_percentage: 99, producer_byte_rate: 500 } },
      user,
    ]);
    expect(JSON.stringify(await shown(aws, "show"))).toContain(
      "limits of its own for it: request_percentage 99",
    );
    await aws.target.cluster.alterQuotas([{ ...user, limits: { consumer_byte_rate: 2 } }]);
    await carryOut(aws, "withdraw");
    expect(await quotas()).toEqual([
      { ...byDefault, limits: { request_percentage: 99 } },
      { ...user, limits: { consumer_byte_rate: 2 } },
    ]);
  });

  it("adds what was approved or nothing, and no limit over one that somebody has set meanwhile", async () => {
    const aws = await migration();
    const work = aws.open();
    const proposal = await change.propose({ choice: "copy", by: "UANA" }, work);
    aws.source.setAcls([...sourceAcls, acl("User:intruder", "ALL")]);
    const late = await openRun(aws.store, "late");
    await expect(change.steps(proposal, work, late)).rejects.toMatchObject({ code: "E_APPROVAL" });
    await late.leave(0);
    aws.source.setAcls(sourceAcls);
    const run = await openRun(aws.store, "copy-1");
    const steps = await change.steps(proposal, work, run);
    const theirs = { entity: [{ type: "user", name: "billing" }], limits: { consumer_byte_rate: 2 } };
    await aws.target.cluster.alterQuotas([theirs]);
    expect(await runSteps({ steps, run, work, subject: "test" })).toEqual({ kind: "done" });
    await run.leave(0);
    const now = await aws.target.cluster.quotas();
    expect(now.known && now.value).toContainEqual(theirs);
    expect(JSON.stringify((await readAdded(work)).quotas)).not.toContain("consumer_byte_rate");
  });

  it("says that limits are removed only where it can see them", async () => {
    const aws = await migration();
    await carryOut(aws, "copy");
    const blind = { ...aws.target.cluster, quotas: async () => unknown("not allowed") };
    const { result } = await carryOut(aws, "withdraw", (work) =>
      withWorld(work, { target: async () => blind }),
    );
    expect(result).toMatchObject({ kind: "undone", error: { code: "E_KAFKA" } });
    expect((await readAdded(aws.open())).quotas).not.toEqual([]);
  });

  it("is empty where all can be carried, says so, and then refuses to ask for nothing", async () => {
    const aws = await migration();
    aws.source.setAcls(sourceAcls.slice(0, 6));
    aws.target.setAcls([]);
    await carryOut(aws, "copy");
    const empty = await shown(aws, "diff");
    expect(empty?.parts[0]).toMatchObject({ text: expect.stringContaining("Empty") });
    await expect(change.propose({ choice: "copy", by: "UANA" }, aws.open())).rejects.toMatchObject({
      code: "E_USAGE",
      message: expect.stringContaining("nothing to add"),
    });
  });

  it("ticks off users that the target has, or whose secret MSK has, and names owners", async () => {
    const aws = await migration({
      ...scram,
    });
    aws.msk.put({ name: "migrated", auth: ["scram"] });
    const arn = (await aws.msk.msk.findCluster("migrated"))?.arn ?? "";
    const prefix = "arn:aws:secretsmanager:us-east-1:123456789012:secret";
    await aws.msk.msk.associateScram(arn, [`${prefix}:AmazonMSK_billing-AbCdEf`]);
    aws.target.fail("scramUsers", new Error("not asked"), 0);
    const text = JSON.stringify(await shown(aws, "show"));
    expect(text).toContain(`billing: MSK has ${prefix}:AmazonMSK_billing-AbCdEf`);
    expect(text).toContain("checkout (nobody is named in access.owners or clients)");
  });

  it("copies before replication too, reports in the thread, and says what is left; a repeat changes nothing", async () => {
    const aws = await migration();
    const work = aws.open();
    const checks = JSON.stringify(await accessBeforeReplication(work));
    expect(checks).toContain("open item");
    expect(JSON.stringify(work.card.threads)).toContain("Added on MSK");
    const before = await held(aws);
    expect(before.length).toBeGreaterThan(7);
    const again = aws.open();
    await accessBeforeReplication(again);
    expect(again.card.threads).toEqual([]);
    expect(await held(aws)).toEqual(before);
  });

  it("does not keep records from being copied when the bot may not change ACLs", async () => {
    const aws = await migration();
    aws.target.setAcls([
      acl("User:somebody", "ALL", { resourceType: "CLUSTER", resourceName: "kafka-cluster" }),
    ]);
    const [check] = await accessBeforeReplication(aws.open());
    expect(check).toMatchObject({ state: "warn", text: expect.stringContaining("Not copied") });
  });
});

describe("access for other targets", () => {
  it("hands out a policy for each principal where clients log in with IAM, and compares with these", async () => {
    const aws = await migration({ auth: "iam" });
    const before = JSON.stringify(await shown(aws, "diff"));
    expect(before).toContain("no policy was given for it yet");
    const work = aws.open();
    const files: string[] = [];
    const card: Work["card"] = {
      ...work.card,
      file: async ({ name, content }) => {
        files.push(`${name} ${content.toString()}`);
        return "F1";
      },
    };
    await access({ ...job, action: "show" }, { ...work, card });
    expect(files.map((file) => file.split(" ")[0])).toContain("access-policy-User-billing.json");
    const billing = files.find((file) => file.startsWith("access-policy-User-billing")) ?? "";
    expect(billing).toContain("kafka-cluster:ReadData");
    expect(billing).toContain("/billing-*");
    expect(JSON.stringify(work.card.shown.at(-1))).toContain("no IAM role is named for it");
    const after = JSON.stringify(await shown(aws, "diff"));
    expect(after).not.toContain("no policy was given");
    expect(after).toContain("everybody else");
  });

  it("adds no ACL where everybody is anonymous, and says why", async () => {
    const aws = await migration({ auth: "unauthenticated" });
    expect(JSON.stringify(await shown(aws, "show"))).toContain("whom ACLs would lock out together");
    await accessBeforeReplication(aws.open());
    expect(await held(aws)).toEqual([foreign]);
  });

  it("says that there is nothing to copy from a source without an authorizer", async () => {
    const aws = await migration();
    aws.source.setAuthorizer(undefined);
    expect(JSON.stringify(await shown(aws, "show"))).toContain("Nothing to copy: no authorizer");
    expect(JSON.stringify(await shown(aws, "diff"))).toContain(
      "The source has no authorizer: everybody may do everything there.",
    );
  });
});
