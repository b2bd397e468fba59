import { describe, expect, it } from "vitest";
import { FerryError } from "#domain/errors.ts";
import type { StorageScaling } from "#domain/msk.ts";
import { features } from "#jobs/aws/features.ts";
import { provision } from "#jobs/aws/provision.ts";
import type { Work } from "#jobs/work.ts";
import { createAwsWork } from "#support/aws-work.ts";

type Aws = Awaited<ReturnType<typeof createAwsWork>>;

const from = { migration: "orders", by: "UANA" } as const;
const run = (work: Work) => provision({ name: "provision", ...from }, work);
const list = (work: Work) => features({ name: "features", ...from }, work);
const ours = { name: "migrated", tags: { "msk-ferry": "orders" } };
const planned = "grows at 60 % full, up to 16384 GiB a broker, and never shrinks";
const asPlanned = { minGiB: 1, maxGiB: 16_384, policies: [{ name: "storage", percent: 60 }] };

async function shown(aws: Aws, job = run) {
  const messages = await aws.carryOut(job);
  return { row: scalingRow(messages.at(-1)), text: JSON.stringify(messages.at(-1)) };
}

function scalingRow(message: Awaited<ReturnType<Aws["carryOut"]>>[number] | undefined): string | undefined {
  return message?.parts
    .flatMap((part) => (part.kind === "facts" ? part.rows : []))
    .find(({ label }) => label === "Storage auto scaling")?.value;
}

describe("storage auto scaling", () => {
  it("is turned on for a cluster of this migration, with its tag, and shown with the way back", async () => {
    const aws = await createAwsWork();
    const { row, text } = await shown(aws);
    expect(row).toBe(planned);
    expect(text).toContain("aws application-autoscaling deregister-scalable-target --region us-east-1");
    const [{ arn } = { arn: "" }] = aws.msk.clusters();
    expect(await aws.msk.msk.storageScaling(arn)).toEqual({
      ...asPlanned,
      isSuspended: false,
      tags: ours.tags,
    });
    await aws.carryOut(run, undefined, "job-2");
    expect(aws.msk.changes.filter((name) => /Storage/.test(name))).toEqual([
      "registerStorage",
      "putStoragePolicy",
    ]);
  });

  it("gets the policy that an attempt did not come to put", async () => {
    const aws = await createAwsWork();
    const { arn } = aws.msk.put(ours);
    aws.msk.scale(arn, { ...asPlanned, policies: [], tags: ours.tags });
    expect((await shown(aws)).row).toBe(planned);
    expect(aws.msk.changes).toEqual(["putStoragePolicy"]);
  });

  const left: ReadonlyArray<{ readonly found: Partial<StorageScaling>; readonly says: string }> = [
    {
      found: { ...asPlanned, maxGiB: 500, tags: ours.tags },
      says: "registered from 1 to 500 GiB a broker, policy storage at 60 % full",
    },
    {
      found: { ...asPlanned, policies: [{ name: "theirs", percent: 80 }] },
      says: "policy theirs at 80 % full",
    },
    { found: { ...asPlanned, policies: [{ name: "theirs", percent: undefined }] }, says: "not by disk use" },
    { found: { ...asPlanned, policies: [] }, says: "without a policy: nothing grows" },
    { found: { ...asPlanned, isSuspended: true, tags: ours.tags }, says: "suspended: nothing grows" },
  ];
  it.each(left)("is left as somebody set it, and said: $says", async ({ found, says }) => {
    const aws = await createAwsWork();
    const { arn } = aws.msk.put(ours);
    aws.msk.scale(arn, found);
    const { row } = await shown(aws);
    expect(row).toContain(says);
    expect(row).toContain(`Planned: ${planned}. Left as it is.`);
    expect(aws.msk.changes).toEqual([]);
  });

  it("needs nothing where others registered the very values", async () => {
    const aws = await createAwsWork();
    const { arn } = aws.msk.put(ours);
    aws.msk.scale(arn, asPlanned);
    const { row, text } = await shown(aws);
    expect(row).toBe(planned);
    expect(text).not.toContain("deregister");
    expect(aws.msk.changes).toEqual([]);
  });

  it("is only shown of a cluster that others made, before it is adopted and after", async () => {
    const aws = await createAwsWork();
    const { arn } = aws.msk.put({ name: "migrated" });
    expect((await shown(aws)).row).toBe("none; `/ferry features` has the two calls");
    aws.msk.scale(arn, { ...asPlanned, maxGiB: 900 });
    expect((await shown(aws)).row).toContain("registered from 1 to 900 GiB");
    const configuration = aws.msk.configure({
      name: "ferry-migrated",
      properties: "auto.create.topics.enable=false\nmin.insync.replicas=2\n",
    });
    const configured = { configurationArn: configuration.arn, configurationRevision: 1 };
    aws.msk.put({ name: "migrated", ...configured });
    const { row, text } = await shown(aws);
    expect(text).toContain("was there already");
    expect(row).toContain("registered from 1 to 900 GiB");
    expect(aws.msk.changes).toEqual([]);
  });

  it.each([
    { target: { storageAutoScaling: false }, says: "off: target.storageAutoScaling is false" },
    { target: { region: "ap-northeast-3" }, says: "in ap-northeast-3" },
  ])("is neither looked at nor made where it is not to be: $says", async ({ target, says }) => {
    const aws = await createAwsWork({ target });
    const asked: string[] = [];
    aws.msk.script.onCall = (call) => void asked.push(call);
    expect((await shown(aws)).row).toContain(says);
    expect((await shown(aws, list)).text).not.toContain("Let the storage grow");
    expect(asked.filter((call) => /storageScaling|registerStorage|putStorage/.test(call))).toEqual([]);
  });

  it("tells how to take the permission that lacks, and nothing was made", async () => {
    const aws = await createAwsWork();
    aws.msk.put(ours);
    aws.msk.script.onCall = (call) => {
      if (call !== "registerStorage") return;
      throw new FerryError(
        "E_AWS_ACCESS",
        "The bot's role may not do application-autoscaling:RegisterScalableTarget on migrated. AWS: AccessDeniedException: no",
      );
    };
    await expect(run(aws.open())).rejects.toMatchObject({
      code: "E_AWS_ACCESS",
      message: expect.stringContaining(
        '"Resource":["arn:aws:application-autoscaling:us-east-1:*:scalable-target/*"]',
      ),
    });
  });

  it("is no feature to turn on where it is at work", async () => {
    const aws = await createAwsWork();
    const { arn } = aws.msk.put(ours);
    expect((await shown(aws, list)).text).toContain("Let the storage grow by itself");
    aws.msk.scale(arn, asPlanned);
    const { text } = await shown(aws, list);
    expect(text).not.toContain("Let the storage grow by itself");
    expect(text).toContain("storage auto scaling: registered from 1 to 16384 GiB");
  });
});
