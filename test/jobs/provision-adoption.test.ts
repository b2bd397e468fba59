import { describe, expect, it } from "vitest";
import type { JobOf } from "#domain/job.ts";
import type { MskCluster } from "#domain/msk.ts";
import { provision } from "#jobs/aws/provision.ts";
import type { Work } from "#jobs/work.ts";
import { createAwsWork } from "#support/aws-work.ts";

type Aws = Awaited<ReturnType<typeof createAwsWork>>;

function run(adopt?: string) {
  const job: JobOf<"provision"> = { name: "provision", migration: "orders", by: "UANA", adopt };
  return (work: Work) => provision(job, work);
}

const properties = "auto.create.topics.enable=false\nmin.insync.replicas=2\n";

/** A cluster that others made, with a configuration of the plan's name and properties, but for the changes. */
function putForeign(aws: Aws, change: Partial<MskCluster> = {}, text = properties) {
  const { arn } = aws.msk.configure({ name: "ferry-migrated", properties: text });
  return aws.msk.put({ name: "migrated", configurationArn: arn, configurationRevision: 1, ...change });
}

async function asked(aws: Aws) {
  const shown = (await aws.carryOut(run())).at(-1);
  const fingerprint = /^provision adopt (\w+)$/.exec(shown?.next?.[0] ?? "")?.[1];
  return { shown, text: JSON.stringify(shown), fingerprint };
}

describe("a cluster that others made", () => {
  it("is used without a question where it is as planned; nothing is changed", async () => {
    const aws = await createAwsWork();
    putForeign(aws, { volumeGiB: 500 });
    const { shown, text } = await asked(aws);
    expect(shown).toMatchObject({ tone: "done", next: ["network"] });
    expect(text).toContain("was there already");
    expect(text).not.toContain("Not as planned");
    expect(aws.msk.changes).toEqual([]);
  });

  const different: ReadonlyArray<{ readonly change: Partial<MskCluster>; readonly says: string }> = [
    { change: { kafkaVersion: "3.8.x" }, says: "Kafka version: 3.8.x, planned 3.9.x" },
    { change: { instanceType: "kafka.m5.large" }, says: "instance type: kafka.m5.large" },
    { change: { brokers: 6 }, says: "brokers: 6, planned 3" },
    { change: { kind: "serverless" }, says: "kind: serverless, planned standard" },
    { change: { volumeGiB: 50 }, says: "volume: 50 GiB, planned 100 GiB" },
    { change: { provisionedThroughputMiBs: 250 }, says: "provisioned throughput: 250 MiB/s, planned none" },
    {
      change: { auth: ["iam", "unauthenticated"] },
      says: "authentication: iam, unauthenticated, planned iam",
    },
    { change: { certificateAuthorities: ["arn:ca"] }, says: "certificate authorities: arn:ca, planned none" },
    { change: { transit: "tls-plaintext" }, says: "transit: tls-plaintext, planned tls" },
    { change: { encryptsInCluster: false }, says: "encryption within the cluster: off, planned on" },
    { change: { logs: { s3: { bucket: "b" } } }, says: "broker logs: S3 b/, planned none" },
    { change: { monitoring: "PER_BROKER" }, says: "monitoring: PER_BROKER, planned DEFAULT" },
    { change: { prometheus: false }, says: "open monitoring: off, planned on" },
    { change: { publicAccess: true }, says: "public access: on, planned off" },
    { change: { multiVpc: ["iam", "scram"] }, says: "multi-VPC access: iam, scram, planned off" },
    { change: { dualStack: true }, says: "access by IPv6: on, planned off" },
    { change: { tiered: true }, says: "tiered storage: on, planned off" },
    { change: { subnets: ["subnet-a", "subnet-b"] }, says: "subnets: subnet-a, subnet-b, planned" },
    { change: { securityGroups: ["sg-9"] }, says: "security groups: sg-9, planned sg-1" },
    { change: { configurationArn: undefined }, says: "configuration: MSK's default, planned ferry-migrated" },
  ];
  it.each(different)("shows $says and asks", async ({ change, says }) => {
    const aws = await createAwsWork();
    putForeign(aws, change);
    const { shown, text, fingerprint } = await asked(aws);
    expect(shown?.tone).toBe("waiting");
    expect(text).toContain(says);
    expect(fingerprint).toMatch(/^[0-9a-f]{8}$/);
    expect(aws.msk.changes).toEqual([]);
  });

  it("shows another key than the one that ferry.yaml names, and a tag that says otherwise", async () => {
    const kmsKey = "arn:aws:kms:us-east-1:123456789012:key/ours";
    const aws = await createAwsWork({ target: { kmsKey } });
    putForeign(aws, { kmsKey: "arn:aws:kms:us-east-1:123456789012:key/theirs" });
    expect((await asked(aws)).text).toContain(
      "KMS key at rest: arn:aws:kms:us-east-1:123456789012:key/theirs",
    );
  });

  it("shows every property of its configuration that differs", async () => {
    const aws = await createAwsWork();
    putForeign(aws, {}, "min.insync.replicas=1\nnum.partitions=7\n");
    const { text } = await asked(aws);
    expect(text).toContain("min.insync.replicas in revision 1 of ferry-migrated: 1, planned 2");
    expect(text).toContain("num.partitions in revision 1 of ferry-migrated: 7, planned not set");
    expect(text).toContain(
      "auto.create.topics.enable in revision 1 of ferry-migrated: not set, planned false",
    );
  });

  it("gets no secret from the bot: those that lack are shown, and stay its owners' to associate", async () => {
    const secretArns = ["arn:aws:secretsmanager:us-east-1:123456789012:secret:AmazonMSK_ferry-1"];
    const aws = await createAwsWork({
      target: { auth: "scram", scram: { username: "ferry", passwordEnv: "P", secretArns } },
    });
    putForeign(aws, { auth: ["scram"] });
    const { text, fingerprint = "" } = await asked(aws);
    expect(text).toContain(`SCRAM secrets: none, planned ${secretArns[0]}`);
    expect((await aws.carryOut(run(fingerprint))).at(-1)?.tone).toBe("done");
    expect(aws.msk.changes).toEqual([]);
  });

  it("is used as it is after an answer to exactly these differences, which is remembered", async () => {
    const aws = await createAwsWork();
    putForeign(aws, { brokers: 6 });
    const { fingerprint = "" } = await asked(aws);
    const shown = await aws.carryOut(run(fingerprint));
    expect(shown.at(-1)).toMatchObject({ tone: "done", next: ["network"] });
    const text = JSON.stringify(shown.at(-1));
    expect(text).toContain("brokers: 6, planned 3");
    expect(text).toContain("Adopted as it is by @{UANA}");
    expect((await asked(aws)).shown?.tone).toBe("done");
    const [adopted] = (await aws.store.auditTrail("orders")).filter(({ what }) => what === "target.adopted");
    expect(adopted).toMatchObject({
      after: fingerprint,
      detail: { by: "UANA", drift: [{ what: "brokers", planned: "3", found: "6" }] },
    });
    expect(aws.msk.changes).toEqual([]);
  });

  it("asks again when it differs in something else by then, and takes no answer to other differences", async () => {
    const aws = await createAwsWork();
    putForeign(aws, { brokers: 6 });
    const { fingerprint = "" } = await asked(aws);
    putForeign(aws, { brokers: 9 });
    const shown = await aws.carryOut(run(fingerprint));
    expect(shown.at(-1)?.tone).toBe("waiting");
    expect(shown.at(-1)?.next).not.toEqual([`provision adopt ${fingerprint}`]);
  });

  it("is waited for before it is compared", async () => {
    const aws = await createAwsWork();
    putForeign(aws, { brokers: 6, state: "UPDATING" });
    expect(await run()(aws.open())).toMatchObject({ kind: "again" });
  });

  it("is refused where it belongs to another migration", async () => {
    const aws = await createAwsWork();
    putForeign(aws, { tags: { "msk-ferry": "invoices" } });
    await expect(aws.carryOut(run())).rejects.toMatchObject({
      code: "E_TARGET_FOREIGN",
      message: expect.stringContaining("belongs to migration invoices"),
    });
  });

  it("does not get its configuration changed by ours", async () => {
    const aws = await createAwsWork();
    aws.msk.configure({ name: "ferry-migrated", properties: "num.partitions=7\n", description: "theirs" });
    await expect(aws.carryOut(run())).rejects.toMatchObject({
      code: "E_TARGET_FOREIGN",
      message: expect.stringContaining('its description is "theirs"'),
    });
    expect(aws.msk.changes).toEqual([]);
  });
});
