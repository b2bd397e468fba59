import { describe, expect, it } from "vitest";
import { quorumOf } from "#domain/approval/approval.ts";
import { FerryError } from "#domain/errors.ts";
import { type Acl, unknown } from "#domain/topology.ts";
import { noteQuotas, readAdded } from "#jobs/access/access-document.ts";
import { accessBeforeReplication } from "#jobs/access/before-replication.ts";
import { access as change } from "#jobs/access/copy.ts";
import { readAccess } from "#jobs/access/read-access.ts";
import { requestKey } from "#jobs/approval/request-store.ts";
import { runSteps } from "#jobs/run/steps.ts";
import { createAwsWork } from "#support/aws-work.ts";
import { withWorld } from "#support/cutover-bench.ts";
import { requestOf } from "#support/recorded-run.ts";
import { openRun } from "#support/sample-migration.ts";

/** What access must not do: more than was approved, and calling nothing what it could not read. */

const scram = { auth: "scram", scram: { username: "ferry", passwordEnv: "P", secretArns: ["arn:s"] } };
const billing = { entity: [{ type: "user", name: "billing" }], limits: { consumer_byte_rate: 1000 } };
const late = { entity: [{ type: "user", name: "late" }], limits: { consumer_byte_rate: 5 } };

const shop = { entity: [{ type: "client-id", name: "shop" }], limits: { producer_byte_rate: 9 } };

function acl(principal: string, operation: string, permission = "ALLOW"): Acl {
  const where = { resourceType: "TOPIC", resourceName: "orders", patternType: "LITERAL", host: "*" };
  return { ...where, principal, operation, permission };
}

async function migration(target: object = scram) {
  const aws = await createAwsWork({ target });
  aws.msk.put({ name: "migrated" });
  aws.source.setAuthorizer({ superUsers: ["User:ANONYMOUS"] });
  aws.target.setAuthorizer({ everyone: true });
  aws.target.actAs("User:ferry");
  await aws.source.cluster.alterQuotas([billing]);
  return aws;
}

type Aws = Awaited<ReturnType<typeof migration>>;

async function begin(aws: Aws, choice: "copy" | "withdraw") {
  const work = aws.open();
  const proposal = await change.propose({ choice, by: "UANA" }, work);
  const run = await openRun(aws.store, `${choice}-1`);
  return { work, run, steps: await change.steps(proposal, work, run) };
}

async function quotas({ target }: Aws) {
  const all = await target.cluster.quotas();
  return all.known ? all.value : [];
}

describe("withdrawing access", () => {
  it("takes the limits that were approved, and none that the bot has set since", async () => {
    const aws = await migration();
    const copy = await begin(aws, "copy");
    await runSteps({ ...copy, subject: "test" });
    await copy.run.leave(0);
    const withdrawal = await begin(aws, "withdraw");
    await noteQuotas([late], aws.open());
    await aws.target.cluster.alterQuotas([late]);
    expect(await runSteps({ ...withdrawal, subject: "test" })).toEqual({ kind: "done" });
    expect(await quotas(aws)).toEqual([late]);
    expect((await readAdded(aws.open())).quotas).toEqual([late]);
  });
});

describe("who must approve", () => {
  it("is one person for what is added, and as many as for every deletion for what is taken away", async () => {
    const aws = await migration();
    const copy = await begin(aws, "copy");
    await runSteps({ ...copy, subject: "test" });
    await copy.run.leave(0);
    const of = async (choice: "copy" | "withdraw", work = aws.open()) =>
      quorumOf(await change.propose({ choice, by: "UANA" }, work), work.migration.settings.approvals.quorum);
    expect(await of("withdraw")).toBe(2);
    const { migration: orders, ...rest } = aws.open();
    const { settings } = orders;
    const strict = { ...settings, approvals: { ...settings.approvals, quorum: 3 } };
    expect(await of("withdraw", { ...rest, migration: { ...orders, settings: strict } })).toBe(3);
    aws.target.setAcls([]);
    await aws.source.cluster.alterQuotas([late]);
    expect(await of("copy")).toBe(1);
  });
});

describe("copying access", () => {
  it("takes back the limits, too, when it turns back", async () => {
    const aws = await migration();
    const { cluster } = aws.target;
    const slow = {
      ...cluster,
      alterQuotas: async (changes: Parameters<typeof cluster.alterQuotas>[0]) => {
        await cluster.alterQuotas(changes);
        if (changes.some(({ limits }) => Object.values(limits).every((value) => value !== null)))
          throw new FerryError("E_INTERNAL", "half of it");
      },
    };
    const { run, work } = await begin(aws, "copy");
    const proposal = await change.propose({ choice: "copy", by: "UANA" }, work);
    const withSlow = withWorld(work, { target: async () => slow });
    const steps = await change.steps(proposal, withSlow, run);
    const result = await runSteps({ steps, run, work: withSlow, subject: "test" });
    expect(result).toMatchObject({ kind: "undone", error: { code: "E_INTERNAL" } });
    expect(await quotas(aws)).toEqual([]);
    expect((await readAdded(work)).quotas).toEqual([]);
  });

  it("copies no fence of another migration on the same source", async () => {
    const aws = await migration();
    const deny = acl("User:checkout", "WRITE", "DENY");
    aws.source.setAcls([acl("User:checkout", "WRITE"), deny]);
    await aws.store.write("fence:parcels:all:source", {
      run: "parcels-7K3Q",
      wave: "all",
      side: "source",
      generation: 1,
      state: "standing",
      allow: [],
      deny: [deny],
      configs: [],
      stopsMirror: false,
      released: false,
      noReturn: "start-producers",
      changedAt: "2026-11-23T12:00:00.000Z",
    });
    expect((await readAccess(aws.open())).fences.source).toEqual([deny]);
    await accessBeforeReplication(aws.open());
    const held = await aws.target.cluster.acls();
    expect(held.known && held.value).toContainEqual(acl("User:checkout", "WRITE"));
    expect(held.known && held.value).not.toContainEqual(deny);
  });
});

describe("access before replication", () => {
  it("says that the source's ACLs could not be read, and does not take them for none", async () => {
    const aws = await migration({ auth: "tls" });
    const blind = {
      ...aws.source.cluster,
      acls: async () => unknown("CLUSTER_AUTHORIZATION_FAILED"),
      quotas: async () => unknown("CLUSTER_AUTHORIZATION_FAILED"),
    };
    const work = withWorld(aws.open(), { source: blind });
    const checks = JSON.stringify(await accessBeforeReplication(work));
    expect(checks).toContain("Nothing to copy: CLUSTER_AUTHORIZATION_FAILED");
  });

  it("gives User:ANONYMOUS no right on a target where clients log in, and says who asks first", async () => {
    const aws = await migration({ auth: "tls" });
    aws.target.actAs("User:ANONYMOUS");
    aws.source.setAcls([acl("User:CN=checkout,O=shop", "WRITE")]);
    await aws.source.cluster.alterQuotas([shop]);
    const work = aws.open();
    const checks = JSON.stringify(await accessBeforeReplication(work));
    const held = await aws.target.cluster.acls();
    expect(held.known && held.value).toEqual([]);
    expect(checks).toContain("ACLs were not added: they would need a right for User:ANONYMOUS");
    expect(checks).toContain("`/ferry access copy` lists them, and asks before it adds any.");
    expect(JSON.stringify(work.card.shown)).not.toContain("WRITE");
    expect(await quotas(aws)).toContainEqual(shop);
    const { effects } = await change.propose({ choice: "copy", by: "UANA" }, work);
    expect(effects.find(({ label }) => label === "Beware")?.value).toContain("User:ANONYMOUS");
  });

  it("adds the ACLs for certificates where the mirror needs no right of its own", async () => {
    const superUsers = ["User:ANONYMOUS"];
    const aws = await migration({ auth: "tls", authorizer: { superUsers } });
    aws.target.setAuthorizer({ everyone: true, superUsers });
    const wanted = acl("User:CN=checkout,O=shop", "WRITE");
    aws.source.setAcls([wanted]);
    await accessBeforeReplication(aws.open());
    const held = await aws.target.cluster.acls();
    expect(held.known && held.value).toEqual([wanted]);
  });

  it("adds nothing while a run moves applications", async () => {
    const aws = await migration();
    aws.source.setAcls([acl("User:checkout", "WRITE")]);
    const work = aws.open();
    const copy = await change.propose({ choice: "copy", by: "UANA" }, work);
    const plan = { ...copy, action: "rollback" as const };
    const running = { ...requestOf(plan, "7K3Q", work.clock.now()), state: "executing" };
    await aws.store.write(requestKey("orders", "7K3Q"), running);
    await expect(accessBeforeReplication(work)).rejects.toMatchObject({ code: "E_LEASE" });
    const held = await aws.target.cluster.acls();
    expect(held.known && held.value).toEqual([]);
  });
});
