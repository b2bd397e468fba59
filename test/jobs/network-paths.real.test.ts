import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createKafkaCluster } from "#adapters/kafka/cluster.ts";
import { createProber } from "#adapters/probe.ts";
import type { PathReport } from "#domain/network/path-layers.ts";
import { remedyFor } from "#domain/network/path-layers.ts";
import type { ClusterAccess } from "#domain/topology.ts";
import { probePaths } from "#jobs/aws/probe-paths.ts";
import { createAwsWork } from "#support/aws-work.ts";
import { type Authority, createAuthority } from "#support/certificate.ts";
import { createQuietLog } from "#support/quiet-log.ts";
import { realClock } from "#support/real-clock.ts";
import { accounts, type SecuredBroker, startSecuredBroker } from "#support/secured-broker.ts";
import { unique } from "#support/unique.ts";

/** Paths to a real broker behind TLS, SASL and an authorizer: each broken at another layer. */

describe("a path to a broker behind TLS, SASL and an authorizer", () => {
  let authority: Authority;
  let broker: SecuredBroker;
  const topic = unique("payments");

  beforeAll(async () => {
    authority = createAuthority("Ferry lab authority");
    broker = await startSecuredBroker(authority);
    const admin = open(through(broker.secured, "admin"));
    await admin.createTopics([{ name: topic, partitions: 1, replicationFactor: 1, configs: {} }]);
    await admin.close();
  });
  afterAll(() => broker.close());

  function through(
    port: number,
    user: keyof typeof accounts,
    changes: Partial<ClusterAccess> = {},
  ): ClusterAccess {
    return {
      bootstrap: [`localhost:${port}`],
      protocol: "SASL_SSL",
      ca: authority.cert,
      sasl: { mechanism: "PLAIN", username: user, password: accounts[user] },
      ...changes,
    };
  }

  async function probed(access: ClusterAccess): Promise<readonly PathReport[]> {
    const wave = { name: "billing", topics: [topic], groups: ["billing"] };
    const aws = await createAwsWork({ settings: { waves: [wave] } });
    const source = open(access);
    const prober = createProber({ patienceMs: 5000 });
    const work = aws.open();
    try {
      return (await probePaths({ ...work, world: { ...work.world, source, prober } })).paths;
    } finally {
      await source.close();
    }
  }

  /** First failing layer, why, and what to do. */
  async function firstFailing(access: ClusterAccess) {
    const path = (await probed(access)).find(({ failing }) => failing !== undefined);
    return { ...path?.failing, passed: path?.passed, remedy: path && remedyFor(path) };
  }

  it("is whole for who may do everything, and its certificate's end is known", async () => {
    const [path] = await probed(through(broker.secured, "admin"));
    expect(path).toMatchObject({
      passed: ["DNS", "TCP", "TLS", "SASL", "authorization"],
      certificateEnds: expect.any(Number),
    });
    expect(path?.failing).toBeUndefined();
  });

  it("is whole by SCRAM as well", async () => {
    const sasl = { mechanism: "SCRAM-SHA-512", username: "admin", password: accounts.admin } as const;
    const paths = await probed(through(broker.secured, "admin", { sasl }));
    expect(paths.map(({ failing }) => failing)).toEqual([undefined]);
  });

  it("ends at DNS for a name without an address", async () => {
    const access = through(broker.secured, "admin", { bootstrap: ["kafka-1.ferry.invalid:9093"] });
    expect(await firstFailing(access)).toMatchObject({
      layer: "DNS",
      why: expect.stringMatching(/ENOTFOUND|EAI_AGAIN/),
      passed: [],
      remedy: expect.stringContaining("resolvable"),
    });
  });

  it("ends at TCP for a port that is closed", async () => {
    expect(await firstFailing(through(broker.nobody, "admin"))).toMatchObject({
      layer: "TCP",
      why: expect.stringContaining("ECONNREFUSED"),
      passed: ["DNS"],
      remedy: expect.stringContaining("nothing listens"),
    });
  });

  it("ends at TLS for a wrong authority, naming who issued what was shown", async () => {
    const ca = createAuthority("Somebody else").cert;
    expect(await firstFailing(through(broker.secured, "admin", { ca }))).toMatchObject({
      layer: "TLS",
      why: expect.stringMatching(/UNABLE_TO_VERIFY.*issued by Ferry lab authority/),
      remedy: expect.stringContaining("`ca`"),
    });
  });

  it("ends at TLS for a certificate that ended, naming its last day", async () => {
    expect(await firstFailing(through(broker.expired, "admin"))).toMatchObject({
      layer: "TLS",
      why: expect.stringMatching(/CERT_HAS_EXPIRED.* to \d{4}-\d\d-\d\d$/),
      remedy: expect.stringContaining("renew"),
    });
  });

  it("ends at SASL for a wrong password", async () => {
    const sasl = { mechanism: "PLAIN", username: "ferry", password: "wrong" } as const;
    expect(await firstFailing(through(broker.secured, "ferry", { sasl }))).toMatchObject({
      layer: "SASL",
      passed: ["DNS", "TCP", "TLS"],
      remedy: expect.stringContaining("password"),
    });
  });

  it("ends at authorization for who may nothing, naming each right; with the rights it is whole", async () => {
    expect(await firstFailing(through(broker.secured, "ferry"))).toMatchObject({
      layer: "authorization",
      why: `not allowed: DESCRIBE, DESCRIBE_CONFIGS on the cluster; not visible: ${topic} (absent, or DESCRIBE on it is not allowed)`,
      passed: ["DNS", "TCP", "TLS", "SASL"],
      remedy: expect.stringContaining("grant"),
    });
    const may = { principal: "User:ferry", host: "*", permission: "ALLOW", patternType: "LITERAL" };
    const admin = open(through(broker.secured, "admin"));
    await admin.addAcls([
      { ...may, resourceType: "CLUSTER", resourceName: "kafka-cluster", operation: "DESCRIBE" },
      { ...may, resourceType: "CLUSTER", resourceName: "kafka-cluster", operation: "DESCRIBE_CONFIGS" },
      { ...may, resourceType: "TOPIC", resourceName: topic, operation: "DESCRIBE" },
    ]);
    expect(await firstFailing(through(broker.secured, "ferry"))).toMatchObject({
      layer: "authorization",
      why: `not allowed: READ on ${topic}; DESCRIBE_CONFIGS on ${topic}`,
    });
    await admin.addAcls(
      ["READ", "DESCRIBE_CONFIGS"].map((operation) => ({
        ...may,
        resourceType: "TOPIC",
        resourceName: topic,
        operation,
      })),
    );
    await admin.close();
    expect(await firstFailing(through(broker.secured, "ferry"))).toEqual({
      passed: undefined,
      remedy: undefined,
    });
  });

  it("ends at TCP for the address that the broker advertises, and says who names it", async () => {
    const access = through(broker.misled, "admin", { protocol: "SASL_PLAINTEXT" });
    expect(await firstFailing(access)).toMatchObject({
      layer: "TCP",
      passed: ["DNS"],
      remedy: expect.stringContaining("advertised.listeners"),
    });
  });
});

function open(access: ClusterAccess) {
  return createKafkaCluster({ role: "source", access, log: createQuietLog(), clock: realClock });
}
