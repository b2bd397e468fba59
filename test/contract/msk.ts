import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ClusterRequest, Msk } from "#domain/msk.ts";
import { unique } from "#support/unique.ts";

export type MskUnderTest = {
  readonly msk: Msk;
  /** Lets AWS's time pass. */
  advance(ms: number): void;
  /** Three subnets in three zones and a security group of one VPC. */
  readonly subnets: readonly string[];
  readonly securityGroups: readonly string[];
  /** A broker tells how full its volume is. */
  fill(cluster: string, broker: number, percent: number): void;
  close(): Promise<void>;
};

const minute = 60_000;
const secret = (name: string) => `arn:aws:secretsmanager:us-east-1:123456789012:secret:${name}-a1b2c3`;

/** What every MSK must do; run on the one in memory and on the adapter. */
export function mskContract(name: string, open: () => Promise<MskUnderTest>): void {
  describe(`${name}: the MSK contract`, () => {
    let under: MskUnderTest;
    let msk: Msk;
    beforeAll(async () => {
      under = await open();
      msk = under.msk;
    });
    afterAll(() => under.close());

    function request(change: Partial<ClusterRequest> = {}): ClusterRequest {
      return {
        name: unique("cluster"),
        kind: "standard",
        kafkaVersion: "3.9.x",
        instanceType: "kafka.m7g.large",
        brokers: 3,
        subnets: under.subnets,
        securityGroups: under.securityGroups,
        volumeGiB: 100,
        auth: "iam",
        transit: "tls",
        monitoring: "DEFAULT",
        prometheus: true,
        tags: { "msk-ferry": "orders" },
        ...change,
      };
    }

    it("knows the fullest volume once every broker has told how full its own is", async () => {
      const cluster = { name: unique("disks"), brokers: 2 };
      expect(await msk.diskUsed(cluster)).toMatchObject({ known: false });
      under.fill(cluster.name, 2, 71.5);
      expect(await msk.diskUsed(cluster)).toMatchObject({ known: false });
      under.fill(cluster.name, 1, 12);
      expect(await msk.diskUsed(cluster)).toEqual({ known: true, value: { broker: 2, percent: 71.5 } });
    });

    it("registers the volumes once, with tags, and puts a policy only on what is registered", async () => {
      const { arn } = await createActive();
      expect(await msk.storageScaling(arn)).toBeUndefined();
      const policy = { name: "storage", percent: 60 };
      await expect(msk.putStoragePolicy(arn, policy)).rejects.toMatchObject({
        code: "E_AWS_REFUSED",
        message: expect.stringContaining("No scalable target registered"),
      });
      const capacity = { minGiB: 1, maxGiB: 16_384, tags: { "msk-ferry": "orders" } };
      await msk.registerStorage(arn, capacity);
      expect(await msk.storageScaling(arn)).toEqual({ ...capacity, isSuspended: false, policies: [] });
      await msk.registerStorage(arn, { ...capacity, maxGiB: 500, tags: { "msk-ferry": "another" } });
      expect(await msk.storageScaling(arn)).toMatchObject(capacity);
      await msk.putStoragePolicy(arn, { ...policy, percent: 50 });
      await msk.putStoragePolicy(arn, policy);
      expect(await msk.storageScaling(arn)).toMatchObject({ policies: [policy] });
    });

    it("registers no volumes of Express, nor a minimum above the maximum", async () => {
      const instanceType = "express.m7g.large";
      const { volumeGiB: _, ...asked } = request({
        kind: "express",
        kafkaVersion: "3.9.x.kraft",
        instanceType,
      });
      const arn = await msk.createCluster(asked, await configuration());
      const capacity = { minGiB: 1, maxGiB: 100, tags: {} };
      await expect(msk.registerStorage(arn, capacity)).rejects.toMatchObject({ code: "E_AWS_REFUSED" });
      const standard = await createActive();
      await expect(msk.registerStorage(standard.arn, { ...capacity, minGiB: 101 })).rejects.toMatchObject({
        code: "E_AWS_REFUSED",
        message: expect.stringContaining("Maximum capacity cannot be less than minimum"),
      });
      expect(await msk.storageScaling(standard.arn)).toBeUndefined();
    });

    async function configuration(name = unique("configuration")) {
      const properties = "auto.create.topics.enable=false\n";
      return await msk.createConfiguration({
        name,
        description: "a test's",
        kafkaVersions: ["3.9.x"],
        properties,
      });
    }

    async function createActive(change: Partial<ClusterRequest> = {}) {
      const arn = await msk.createCluster(request(change), await configuration());
      under.advance(31 * minute);
      return await msk.describeCluster(arn);
    }

    it("lists the versions that a cluster can be created with, each once", async () => {
      const versions = await msk.versions();
      expect(versions).toContain("3.9.x");
      expect(versions).not.toContain("3.5.1");
      expect(new Set(versions).size).toBe(versions.length);
    });

    it("keeps one configuration per name and finds it with its newest revision", async () => {
      const name = unique("configuration");
      expect(await msk.findConfiguration(name)).toBeUndefined();
      const first = await configuration(name);
      expect(first).toMatchObject({ revision: 1, properties: "auto.create.topics.enable=false\n" });
      expect((await configuration(name)).arn).toBe(first.arn);
      const second = await msk.reviseConfiguration(first.arn, "another", "num.partitions=6\n");
      const properties = "num.partitions=6\n";
      expect(second).toEqual({ arn: first.arn, revision: 2, properties, description: "another" });
      expect(await msk.describeConfiguration(first.arn, 1)).toMatchObject({
        revision: 1,
        properties: "auto.create.topics.enable=false\n",
      });
      expect(await msk.findConfiguration(name)).toEqual(second);
    });

    it("creates one cluster per name: CREATING first, ACTIVE later, as it was asked for", async () => {
      const asked = request();
      const made = await configuration();
      expect(await msk.findCluster(asked.name)).toBeUndefined();
      const arn = await msk.createCluster(asked, made);
      expect(await msk.createCluster(asked, made)).toBe(arn);
      expect(await msk.findCluster(asked.name)).toMatchObject({ arn, state: "CREATING" });
      expect(await msk.findCluster(asked.name.slice(0, -1))).toBeUndefined();
      under.advance(31 * minute);
      const cluster = await msk.findCluster(asked.name);
      expect(cluster).toEqual(await msk.describeCluster(arn));
      expect(cluster).toMatchObject({
        state: "ACTIVE",
        kind: "standard",
        kafkaVersion: "3.9.x",
        instanceType: "kafka.m7g.large",
        brokers: 3,
        volumeGiB: 100,
        auth: ["iam"],
        transit: "tls",
        monitoring: "DEFAULT",
        configurationArn: made.arn,
        configurationRevision: 1,
        securityGroups: under.securityGroups,
        encryptsInCluster: true,
        logs: {},
        prometheus: true,
        publicAccess: false,
        tags: { "msk-ferry": "orders" },
      });
      expect(cluster?.kmsKey).toMatch(/^arn:aws:kms:us-east-1:/);
      expect(cluster?.createdAt).toBeTypeOf("number");
      expect(cluster?.subnets.toSorted()).toEqual(under.subnets.toSorted());
    });

    it("tells the key, the logs, the exporters and the monitoring that a cluster was made with", async () => {
      const kmsKey = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-4333-8444-555555555555";
      const logs = {
        cloudWatch: "/msk/brokers",
        s3: { bucket: "broker-logs", prefix: "msk" },
        firehose: "broker-stream",
      };
      const cluster = await createActive({ kmsKey, logs, prometheus: false, monitoring: "PER_BROKER" });
      expect(cluster).toMatchObject({ kmsKey, logs, prometheus: false, monitoring: "PER_BROKER" });
    });

    it("knows a cluster by its ARN as long as there is one", async () => {
      await expect(
        msk.describeCluster("arn:aws:kafka:us-east-1:123456789012:cluster/none/5d7a1c2e-1"),
      ).rejects.toMatchObject({ code: "E_TARGET_ABSENT" });
    });

    it("refuses what MSK refuses, with its sentence", async () => {
      const made = await configuration();
      await expect(msk.createCluster(request({ kafkaVersion: "3.5.1" }), made)).rejects.toMatchObject({
        code: "E_AWS_REFUSED",
        message: expect.stringContaining("not supported for Kafka version 3.5.1"),
      });
      const throughput = request({ instanceType: "kafka.m5.large", provisionedThroughputMiBs: 250 });
      await expect(msk.createCluster(throughput, made)).rejects.toMatchObject({
        code: "E_AWS_REFUSED",
        message: expect.stringContaining(
          "Provisioned throughput is not supported for the specified broker type.",
        ),
      });
    });

    it("answers brokers for the way to authenticate that the cluster has, and no others", async () => {
      const cluster = await createActive();
      expect(await msk.bootstrap(cluster.arn, "iam", "tls")).toHaveLength(1);
      expect(await msk.bootstrap(cluster.arn, "scram", "tls")).toBeUndefined();
      const open = await createActive({ auth: "unauthenticated", transit: "plaintext" });
      expect(open).toMatchObject({ auth: ["unauthenticated"], transit: "plaintext" });
      expect(await msk.bootstrap(open.arn, "unauthenticated", "plaintext")).toHaveLength(1);
    });

    it("grows the storage of all brokers in one operation, and never shrinks it", async () => {
      const cluster = await createActive();
      const operation = await msk.updateStorage(cluster, 200);
      expect(await msk.operation(operation)).toEqual({ state: "UPDATE_IN_PROGRESS" });
      expect(await msk.describeCluster(cluster.arn)).toMatchObject({ state: "UPDATING" });
      under.advance(40 * minute);
      expect(await msk.operation(operation)).toEqual({ state: "UPDATE_COMPLETE" });
      const after = await msk.describeCluster(cluster.arn);
      expect(after).toMatchObject({ state: "ACTIVE", volumeGiB: 200 });
      under.advance(7 * 60 * minute);
      await expect(msk.updateStorage(after, 150)).rejects.toMatchObject({ code: "E_AWS_REFUSED" });
      await expect(msk.updateStorage(cluster, 300)).rejects.toMatchObject({
        code: "E_AWS_REFUSED",
        message: expect.stringContaining("isn’t current"),
      });
    });

    it("changes the monitoring level", async () => {
      const cluster = await createActive();
      const operation = await msk.updateMonitoring(cluster, "PER_BROKER");
      under.advance(60 * minute);
      expect(await msk.operation(operation)).toEqual({ state: "UPDATE_COMPLETE" });
      expect(await msk.describeCluster(cluster.arn)).toMatchObject({ monitoring: "PER_BROKER" });
    });

    it("associates SCRAM secrets, again too, and names one that MSK does not take", async () => {
      const cluster = await createActive({ auth: "scram" });
      const wanted = Array.from({ length: 11 }, (_, n) => secret(`AmazonMSK_${n}`));
      await msk.associateScram(cluster.arn, wanted);
      await msk.associateScram(cluster.arn, wanted.slice(0, 1));
      expect((await msk.scramSecrets(cluster.arn)).toSorted()).toEqual(wanted.toSorted());
      await expect(
        msk.associateScram(cluster.arn, [secret("mine"), secret("AmazonMSK_good"), secret("yours")]),
      ).rejects.toMatchObject({
        code: "E_AWS_REFUSED",
        message: expect.stringMatching(
          /:secret:mine-.*prefix 'AmazonMSK_'.*:secret:yours-.*prefix 'AmazonMSK_'/,
        ),
      });
      expect(await msk.scramSecrets(cluster.arn)).toContain(secret("AmazonMSK_good"));
    });
  });
}
