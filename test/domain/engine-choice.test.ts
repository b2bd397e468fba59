import { describe, expect, it } from "vitest";
import { type EngineFacts, engineRows } from "#domain/plan/engine-choice.ts";
import { MigrationSettings } from "#domain/settings.ts";
import { known, unknown } from "#domain/topology.ts";

const secure = {
  protocol: "SASL_SSL",
  mechanism: "SCRAM-SHA-512",
  username: "ferry",
  passwordEnv: "P",
};

function facts(
  change: Partial<Omit<EngineFacts, "settings">> & {
    security?: object;
    target?: object;
    replication?: object;
  } = {},
): EngineFacts {
  const { security = secure, target, replication, ...rest } = change;
  return {
    settings: MigrationSettings.parse({
      channel: "C1",
      source: { bootstrap: ["kafka:9092"], security },
      target: {
        cluster: "t",
        region: "r",
        auth: "iam",
        subnets: ["a", "b", "c"],
        securityGroups: ["g"],
        ...target,
      },
      replication: { connect: { url: "http://connect:8083" }, exactlyOnce: false, ...replication },
    }),
    version: known("3.9"),
    shape: {
      kind: "standard",
      instanceType: "kafka.m7g.large",
      brokers: 3,
      kafkaVersion: "3.9.x",
      monthlyUsd: 1,
    },
    waves: [{ name: "one", topics: ["a"], groups: [], why: "" }],
    largestRecord: known(1_048_588),
    check: known({ version: "3.9.2", exactlyOnce: true, problems: [] }),
    ...rest,
  };
}

function statesOf(engine: string, asked: EngineFacts): Readonly<Record<string, string>> {
  const row = engineRows(asked).find(({ name }) => name === engine);
  return Object.fromEntries((row?.prerequisites ?? []).map(({ name, state }) => [name, state]));
}

/** The only failing or unknown prerequisite, with its text. */
function odd(engine: string, asked: EngineFacts) {
  const row = engineRows(asked).find(({ name }) => name === engine);
  return (row?.prerequisites ?? [])
    .filter(({ state }) => state !== "pass")
    .map(({ name, state, text }) => ({ name, state, text }));
}

describe("the engines", () => {
  it("are tested rule by rule; Connect is preferred, and what is taken stands in ferry.yaml", () => {
    const rows = engineRows(facts());
    expect(rows.map(({ name, taken, recommended }) => ({ name, taken, recommended }))).toEqual([
      { name: "connect", taken: true, recommended: true },
      { name: "mirrormaker", taken: false, recommended: false },
      { name: "replicator", taken: false, recommended: false },
    ]);
    expect(odd("connect", facts())).toEqual([]);
    expect(odd("replicator", facts())).toEqual([]);
    expect(odd("mirrormaker", facts())).toMatchObject([{ name: "an installed Kafka", state: "fail" }]);
  });

  it.each([
    {
      what: "an old source",
      change: { version: known("2.4") },
      name: "source version",
      text: "the source is Kafka 2.4; MSK Replicator reads from Kafka 2.8.1 on",
    },
    {
      what: "no encryption",
      change: { security: { ...secure, protocol: "SASL_PLAINTEXT" } },
      name: "TLS on the source",
      text: "source.bootstrap is reached by SASL_PLAINTEXT; a Replicator needs a TLS listener: name it in replication.replicator.bootstrap",
    },
    {
      what: "SASL PLAIN",
      change: { security: { ...secure, mechanism: "PLAIN" } },
      name: "authentication on the source",
      text: "the source authenticates by PLAIN; a Replicator authenticates by SCRAM, mutual TLS or OAUTHBEARER",
    },
    {
      what: "a target without IAM",
      change: { target: { auth: "unauthenticated" } },
      name: "IAM on the target",
      text: "t authenticates by unauthenticated; a Replicator writes with IAM, which must be turned on",
    },
    {
      what: "two zones with two brokers",
      change: { target: { subnets: ["a", "b"] } },
      name: "target brokers",
      text: "t has 3 brokers in 2 zones; a Replicator needs 4 of them",
    },
    {
      what: "records beyond 20 MiB",
      change: { largestRecord: known(30_000_000) },
      name: "record size",
      text: "a topic that moves allows records of 30000000 bytes; a Replicator copies up to 20971520 within a Region",
    },
    {
      what: "exactly once",
      change: { replication: { exactlyOnce: true } },
      name: "exactly once",
      text: "replication.exactlyOnce is true; it copies at least once",
    },
    {
      what: "a wave of many topics",
      change: {
        waves: [
          {
            name: "all",
            topics: Array.from({ length: 751 }, (_, index) => `t${index}`),
            groups: [],
            why: "",
          },
        ],
      },
      name: "topics",
      text: "wave all: the wave has 751 topics; a Replicator copies 750 at most: divide the wave",
    },
    {
      what: "more waves than an account has Replicators",
      change: {
        waves: Array.from({ length: 16 }, (_, index) => ({
          name: `w${index}`,
          topics: [`t${index}`],
          groups: [],
          why: "",
        })),
      },
      name: "topics",
      text: "the plan has 16 waves, each with a Replicator of its own; an account has 15",
    },
  ])("name what MSK Replicator lacks with $what", ({ change, name, text }) => {
    expect(odd("replicator", facts(change))).toEqual([{ name, state: "fail", text }]);
  });

  it("hold the planned cluster to what a Replicator is held to when it is made", () => {
    const section = {
      role: "arn:aws:iam::123456789012:role/replicator",
      bootstrap: ["kafka:9094"],
      scram: {
        mechanism: "SHA512",
        secretArn: "arn:aws:secretsmanager:us-east-1:123456789012:secret:source",
      },
    };
    const plain = { security: { protocol: "PLAINTEXT" }, replication: { replicator: section } };
    expect(odd("replicator", facts(plain))).toEqual([]);
    const { scram: _, ...bare } = section;
    expect(odd("replicator", facts({ ...plain, replication: { replicator: bare } }))).toEqual([
      {
        name: "authentication on the source",
        state: "fail",
        text: "replication.replicator: neither scram nor mtls is set; a Replicator authenticates by one of them",
      },
    ]);
    const waves = [{ name: "one", topics: ["a".repeat(250)], groups: [], why: "" }];
    expect(odd("replicator", facts({ waves }))).toMatchObject([{ name: "topics", state: "fail" }]);
  });

  it("keep unknown apart from failed", () => {
    const asked = facts({
      version: unknown("no broker tells"),
      security: { protocol: "SSL" },
      check: unknown("E_CONNECT_UNREACHABLE"),
    });
    expect(statesOf("replicator", asked)).toMatchObject({
      "source version": "unknown",
      "authentication on the source": "unknown",
    });
    expect(statesOf("connect", asked)).toEqual({
      "a Connect cluster": "pass",
      "its own check": "unknown",
      "source version": "unknown",
    });
    expect(statesOf("replicator", facts({ version: known("2.8") }))["source version"]).toBe("unknown");
  });

  it("pass on what the workers themselves lack", () => {
    const check = known({ version: "3.9.0", exactlyOnce: false, problems: ["no MirrorSourceConnector"] });
    const asked = facts({ check, replication: { exactlyOnce: true } });
    expect(odd("connect", asked).map(({ text }) => text)).toEqual([
      "no MirrorSourceConnector; correct the workers",
      "exactly once is not enabled; set exactly.once.source.support=enabled on the workers, or replication.exactlyOnce to false",
    ]);
    expect(engineRows(asked).find(({ recommended }) => recommended)).toBeUndefined();
  });
});
