import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { readTable } from "#adapters/mirrormaker/process-table.ts";
import { createProcesses, type Processes } from "#adapters/mirrormaker/processes.ts";
import { type MirrorSite, mirrorProperties } from "#adapters/mirrormaker/properties.ts";
import type { Flow } from "#domain/ports.ts";
import { eventually } from "#support/eventually.ts";

const site: MirrorSite = {
  source: { bootstrap: ["kafka-1:9092", "kafka-2:9092"], protocol: "PLAINTEXT" },
  target: {
    bootstrap: ["b-1.msk:9096"],
    protocol: "SASL_SSL",
    ca: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    sasl: { mechanism: "SCRAM-SHA-512", username: "ferry", password: 'a"b\\c é' },
  },
  exactlyOnce: true,
  offsetSyncs: "source",
  replicationFactor: -1,
  flushMs: 5_000,
};
const flow: Flow = {
  name: "ferry-orders-all-forward",
  kind: "forward",
  topics: ["a.b", "c,d"],
  groups: [],
  tasks: 3,
};

/** As `java.util.Properties` reads the file, without continued lines. */
function parse(text: string): ReadonlyMap<string, string> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const at = /(?<!\\)=/.exec(line)?.index ?? line.length;
      return [plain(line.slice(0, at)), plain(line.slice(at + 1))];
    }),
  );
}

function plain(text: string): string {
  return text.replaceAll(/\\(?:u([0-9a-f]{4})|(.))/g, (_, code?: string, sign = "") =>
    code === undefined ? (sign === "n" ? "\n" : sign) : String.fromCharCode(Number.parseInt(code, 16)),
  );
}

describe("mm2.properties", () => {
  const text = mirrorProperties(flow, site);
  const properties = parse(text);
  const between = "ferry-source->ferry-target.";

  it.each([
    ["clusters", "ferry-source, ferry-target"],
    ["ferry-source->ferry-target.enabled", "true"],
    ["ferry-target->ferry-source.enabled", "false"],
    ["emit.heartbeats.enabled", "false"],
    [`${between}replication.policy.class`, "org.apache.kafka.connect.mirror.IdentityReplicationPolicy"],
    [`${between}topics`, String.raw`a\.b,c\x2cd`],
    [`${between}tasks.max`, "3"],
    [`${between}sync.topic.configs.enabled`, "false"],
    [`${between}sync.topic.acls.enabled`, "false"],
    [`${between}source.consumer.isolation.level`, "read_committed"],
    [`${between}producer.override.enable.idempotence`, "true"],
    [`${between}producer.override.compression.type`, "gzip"],
    [`${between}key.converter`, "org.apache.kafka.connect.converters.ByteArrayConverter"],
    ["ferry-target.exactly.once.source.support", "enabled"],
    ["ferry-target.offset.flush.interval.ms", "5000"],
    ["ferry-target.group.id", "ferry-orders-all-forward"],
    ["ferry-target.offset.storage.topic", "mm2-offsets.ferry-orders-all-forward.internal"],
    ["ferry-source.bootstrap.servers", "kafka-1:9092,kafka-2:9092"],
    ["ferry-target.ssl.truststore.certificates", site.target.ca],
  ])("sets %s", (key, value) => {
    expect(properties.get(key)).toBe(value);
  });

  it("carries a password as Java reads it, in a file of Latin letters", () => {
    expect(properties.get("ferry-target.sasl.jaas.config")).toBe(
      String.raw`org.apache.kafka.common.security.scram.ScramLoginModule required username="ferry" password="a\"b\\c é";`,
    );
    expect(text).not.toMatch(/[^\n -~]/);
  });

  it("has none of the guide's keys that do not exist, and says why each other differs", () => {
    expect([...properties.keys()].filter((key) => key.includes("emit.consumer.offsets"))).toEqual([]);
    for (const word of ["emit.consumer.offsets", "The guide turns it on", "Missing in the guide"]) {
      expect(mirrorProperties({ ...flow, kind: "checkpoint", groups: ["g"] }, site) + text).toContain(word);
    }
  });

  it("turns everything around for the way back, where the worker lives on the source", () => {
    const back = parse(mirrorProperties({ ...flow, kind: "reverse" }, site));
    expect(back.get("ferry-target->ferry-source.enabled")).toBe("true");
    expect(back.get("ferry-source->ferry-target.enabled")).toBe("false");
    expect(back.get("ferry-source.exactly.once.source.support")).toBe("enabled");
    expect(back.get("ferry-target->ferry-source.refresh.topics.enabled")).toBe("false");
    expect([...back.keys()].filter((key) => key.startsWith("ferry-source->"))).toHaveLength(1);
  });

  it("leaves exactly-once out where it is not wanted", () => {
    const plainly = parse(mirrorProperties(flow, { ...site, exactlyOnce: false }));
    expect([...plainly.keys()].filter((key) => key.includes("exactly"))).toEqual([]);
  });
});

describe("a process", () => {
  let folder: string;
  let processes: Processes;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "ferry-mirrors-"));
    const java = join(folder, "java");
    await writeFile(
      java,
      `#!${process.execPath}\nconsole.log("ERROR [X] " + process.env.ONLY);\nsetInterval(() => {}, 1e6);\n`,
    );
    await chmod(java, 0o700);
    await mkdir(join(folder, "libs"));
    await writeFile(join(folder, "libs", "connect-mirror-3.9.2.jar"), "");
    const environment = { ONLY: "what is given" };
    processes = createProcesses({ home: folder, folder, java, heap: "64m", environment });
  });
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  it("gets a file that nobody else can read, and no secret on its command line", async () => {
    const pid = await processes.launch({ flow: "f", properties: "password=secret", to: "ferry-target" });
    try {
      expect(await processes.version()).toBe("3.9.2");
      const file = join(folder, "f", "mm2.properties");
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      expect((await stat(join(folder, "f"))).mode & 0o777).toBe(0o700);
      expect(await readFile(file, "utf8")).toBe("password=secret");
      expect([await processes.alive(pid, "f"), await processes.alive(pid, "other")]).toEqual([true, false]);
      expect([await processes.find("f"), await processes.find("other")]).toEqual([[pid], []]);
      const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
      expect(line).not.toContain("secret");
      await eventually("its words", async () =>
        (await processes.lastWords("f")) === "ERROR [X] what is given" ? true : undefined,
      );
    } finally {
      processes.signal(pid, "SIGKILL");
    }
    await eventually("its end", async () => ((await processes.alive(pid, "f")) ? undefined : true));
    expect(await processes.find("f")).toEqual([]);
    await processes.tidy("f");
    await expect(stat(join(folder, "f"))).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("is not the mirror of the same name that another bot keeps on this machine", async () => {
    const pid = await processes.launch({ flow: "f", properties: "", to: "ferry-target" });
    try {
      const other = { home: folder, java: "java", heap: "64m", environment: {} };
      expect(await createProcesses({ ...other, folder: join(folder, "others") }).find("f")).toEqual([]);
      expect(await createProcesses({ ...other, folder }).find("f")).toEqual([pid]);
    } finally {
      processes.signal(pid, "SIGKILL");
    }
  });

  it("runs although its bot may not signal it: it was started by another user", async () => {
    const pid = await processes.launch({ flow: "f", properties: "", to: "ferry-target" });
    const forbidden = Object.assign(new Error("kill EPERM"), { code: "EPERM" });
    const kill = vi.spyOn(process, "kill").mockImplementation(() => {
      throw forbidden;
    });
    try {
      expect(await processes.alive(pid, "f")).toBe(true);
    } finally {
      kill.mockRestore();
      processes.signal(pid, "SIGKILL");
    }
  });

  it("is found in what ps shows, where there is no /proc", () => {
    const shown = "    1 /sbin/init\n  77 java -Xmx1g -Dferry.flow=f -cp /opt/kafka/libs/*\n\n";
    expect(readTable(shown)).toEqual([
      { pid: 1, args: ["/sbin/init"] },
      { pid: 77, args: ["java", "-Xmx1g", "-Dferry.flow=f", "-cp", "/opt/kafka/libs/*"] },
    ]);
  });

  it("cannot run without a Kafka", async () => {
    const nowhere = createProcesses({
      home: join(folder, "none"),
      folder,
      java: "java",
      heap: "1g",
      environment: {},
    });
    await expect(nowhere.version()).rejects.toMatchObject({ code: "E_CONNECT_PLUGIN" });
  });

  it("that cannot be started says so", async () => {
    const without = createProcesses({
      home: folder,
      folder,
      java: join(folder, "no-java"),
      heap: "1g",
      environment: {},
    });
    const launched = without.launch({ flow: "f", properties: "", to: "ferry-target" });
    await expect(launched).rejects.toMatchObject({
      code: "E_CONNECT",
      message: expect.stringContaining("ENOENT"),
    });
  });
});
