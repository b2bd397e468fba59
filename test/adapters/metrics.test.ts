import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { createMetrics, type MetricsNeed } from "#adapters/metrics/metrics.ts";
import { serveMetrics } from "#adapters/metrics/server.ts";
import { FerryError } from "#domain/errors.ts";
import type { MigrationReadings } from "#domain/switch/readings.ts";
import { createQuietLog } from "#support/quiet-log.ts";

const wave = {
  wave: "billing",
  phase: "before-cutover",
  mirror: "running",
  behind: 18_400,
  seconds: 21,
  partitions: 36,
  unknown: 0,
  broken: 0,
  arriving: 120,
  copying: 240.5,
  recordBytes: 500,
  retentionSeconds: 7200,
  tasks: { RUNNING: 3, FAILED: 1 },
  topics: { 'in"voices': 18_400, payments: null },
  groups: { "billing-app": 12, ledger: null },
} as const;

const reading: MigrationReadings = {
  migration: "orders",
  lag: { at: 1_795_348_800_000, waves: [wave], etaSeconds: 240 },
  fresh: true,
  requests: [
    { action: "cutover-consumers", state: "open" },
    { action: "cutover-consumers", state: "approved" },
    { action: "cleanup", state: "done" },
    { action: "rollback", state: "denied" },
  ],
  alarms: new Map([
    ["task-failed", 1],
    ["lag-rising", 0],
  ]),
  diskUsed: 0.42,
  digestAt: 1_795_348_700_000,
};

const away = () => Promise.reject(new FerryError("E_STORE", "Redis did not answer"));

function open(change: Partial<MetricsNeed> = {}) {
  return createMetrics({
    readings: async () => [reading],
    queueDepth: async () => ({ waiting: 2, delayed: 1 }),
    refused: () => ({ forged: 3 }),
    log: createQuietLog(),
    ...change,
  });
}

/** Series by name and labels. */
function series(text: string): Readonly<Record<string, string>> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), line.slice(line.lastIndexOf(" ") + 1)]),
  );
}

function namesIn(text: string): ReadonlySet<string> {
  return new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name = ""]) => name));
}

describe("metrics", () => {
  it("say what was read, counted and queued", async () => {
    const metrics = open();
    metrics.meter.swept("orders", 300);
    metrics.slackCallFailed("chat.update", "limited");
    const { type, text } = await metrics.scrape();
    expect(type).toContain("text/plain");
    expect(series(text)).toMatchObject({
      'mskferry_lag_records{migration="orders",wave="billing"}': "18400",
      'mskferry_lag_seconds{migration="orders",wave="billing"}': "21",
      'mskferry_copied_records_per_second{migration="orders",wave="billing"}': "240.5",
      'mskferry_retention_race_seconds{migration="orders",wave="billing"}': "7200",
      'mskferry_tasks{migration="orders",wave="billing",state="running"}': "3",
      'mskferry_tasks{migration="orders",wave="billing",state="failed"}': "1",
      'mskferry_topic_lag_records{migration="orders",wave="billing",topic="in\\"voices"}': "18400",
      'mskferry_group_lag_records{migration="orders",wave="billing",group="billing-app"}': "12",
      'mskferry_lag_sweep_timestamp_seconds{migration="orders"}': "1795348800",
      'mskferry_eta_seconds{migration="orders"}': "240",
      'mskferry_alarms{migration="orders",kind="task-failed"}': "1",
      'mskferry_alarms{migration="orders",kind="lag-rising"}': "0",
      'mskferry_approvals_pending{migration="orders",action="cutover-consumers"}': "2",
      'mskferry_approvals_pending{migration="orders",action="rollback"}': "0",
      'mskferry_runs{migration="orders",action="cleanup",state="done"}': "1",
      'mskferry_target_disk_used_ratio{migration="orders"}': "0.42",
      'mskferry_queue_jobs{state="waiting"}': "2",
      'mskferry_requests_refused_total{reason="forged"}': "3",
      'mskferry_slack_call_failures_total{method="chat.update",kind="limited"}': "1",
      'mskferry_lag_sweep_duration_seconds_bucket{le="0.5",migration="orders"}': "1",
      mskferry_redis_up: "1",
    });
  });

  it("have no series for what is not known, and never a zero in its place", async () => {
    const unknown = {
      ...wave,
      mirror: "unknown",
      behind: null,
      seconds: null,
      arriving: null,
      copying: null,
      retentionSeconds: null,
      tasks: null,
      topics: undefined,
      groups: { ledger: null },
    } as const;
    const lag = { at: 1_795_348_800_000, waves: [unknown], etaSeconds: null };
    const { text } = await open({
      readings: async () => [{ ...reading, lag, diskUsed: undefined, digestAt: undefined }],
    }).scrape();
    const gone =
      /mskferry_(?:lag_records|lag_bytes|lag_seconds|arriving|copied|retention|tasks|topic|group|mirror|eta|target|digest)/;
    expect(Object.keys(series(text)).filter((key) => gone.test(key))).toEqual([]);
    expect(series(text)).toMatchObject({ 'mskferry_partitions{migration="orders",wave="billing"}': "36" });
  });

  it("tell bytes by the size of a record, and none where that is not known", async () => {
    expect(await bytesOf({ recordBytes: 500 })).toEqual([
      "mskferry_lag_bytes 9200000",
      "mskferry_arriving_bytes_per_second 60000",
      "mskferry_copied_bytes_per_second 120250",
    ]);
    expect(await bytesOf({ recordBytes: null, arriving: 0 })).toEqual([
      "mskferry_arriving_bytes_per_second 0",
    ]);
  });

  it("let an old reading speak no more, but for its time; what is gone leaves no series", async () => {
    let readings: readonly MigrationReadings[] = [reading];
    const metrics = open({ readings: async () => readings });
    await metrics.scrape();
    readings = [{ ...reading, fresh: false, requests: [] }];
    const after = series((await metrics.scrape()).text);
    expect(Object.keys(after).filter((key) => key.includes("wave="))).toEqual([]);
    expect(after).toMatchObject({
      'mskferry_lag_sweep_timestamp_seconds{migration="orders"}': "1795348800",
      'mskferry_approvals_pending{migration="orders",action="cutover-consumers"}': "0",
    });
  });

  it("go on without Redis: what this process counted, and that Redis did not answer", async () => {
    const { text } = await open({ readings: away, queueDepth: away }).scrape();
    expect(series(text)).toEqual({
      mskferry_redis_up: "0",
      'mskferry_requests_refused_total{reason="forged"}': "3",
    });
  });

  it("of two scrapes at once, and of two bots in one process, do not mix", async () => {
    const metrics = open();
    const [one, two] = await Promise.all([metrics.scrape(), metrics.scrape(), open().scrape()]);
    expect(one.text).toBe(two.text);
    expect(series(one.text)).toMatchObject({ 'mskferry_requests_refused_total{reason="forged"}': "3" });
  });
});

describe("the names", () => {
  it("are those of the dashboard and of the page, no more and no less, and by Prometheus' conventions", async () => {
    const { text } = await open().scrape();
    const names = namesIn(text);
    const dashboard = readFileSync("docs/grafana-dashboard.json", "utf8");
    const used = [...dashboard.matchAll(/mskferry_\w+/g)].map(([name]) =>
      name.replace(/_(?:bucket|sum|count)$/, ""),
    );
    expect(new Set(used)).toEqual(names);
    const page = readFileSync("docs/metrics.md", "utf8");
    const rows = [...page.matchAll(/^\| `(mskferry_\w+)`/gm)].map(([, name = ""]) => name);
    expect(rows.toSorted()).toEqual([...names].toSorted());
    const counters = [...text.matchAll(/^# TYPE (\S+) counter/gm)].map(([, name = ""]) => name);
    expect([...names].filter((name) => name.endsWith("_total"))).toEqual(counters);
  });

  it("have the labels that the page says", async () => {
    const { text } = await open().scrape();
    const page = readFileSync("docs/metrics.md", "utf8");
    const labels = new Map(
      [...page.matchAll(/^\| `(mskferry_\w+)`\s*\| ([^|]*)\|/gm)].map(([, name, listed = ""]) => [
        name,
        listed.trim().split(/, |^$/).filter(Boolean),
      ]),
    );
    const wrong = Object.keys(series(text)).filter((key) => {
      const [, name = "", inner = ""] = /^(\w+?)(?:\{(.*)\})?$/.exec(key) ?? [];
      const found = [...inner.matchAll(/(\w+)="/g)].map(([, label]) => label);
      return JSON.stringify(found) !== JSON.stringify(labels.get(name));
    });
    expect(wrong).toEqual([]);
  });
});

describe("the port", () => {
  const closers: Array<() => Promise<unknown>> = [];
  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
  });

  async function serve(port = 0) {
    const served = await serveMetrics({ metrics: open(), port, host: "127.0.0.1", log: createQuietLog() });
    closers.push(() => served.close());
    return `http://127.0.0.1:${served.port}`;
  }

  it("answers GET /metrics and nothing else", async () => {
    const url = await serve();
    const response = await fetch(`${url}/metrics?x=1`);
    expect(response.headers.get("content-type")).toContain("text/plain; version=0.0.4");
    expect(await response.text()).toContain("mskferry_lag_records{");
    const others = await Promise.all([
      fetch(url),
      fetch(`${url}/slack/events`, { method: "POST", body: "{}" }),
      fetch(`${url}/metrics`, { method: "POST", body: "x" }),
    ]);
    expect(others.map(({ status }) => status)).toEqual([404, 404, 405]);
  });

  it("that is taken stops the start with its name", async () => {
    const taken = createServer();
    const { promise, resolve } = Promise.withResolvers<void>();
    taken.listen(0, "127.0.0.1", resolve);
    await promise;
    closers.push(async () => void taken.close());
    const address = taken.address();
    if (typeof address !== "object" || address === null) throw new Error("no port");
    await expect(serve(address.port)).rejects.toMatchObject({
      code: "E_SETTINGS",
      message: expect.stringContaining(`FERRY_METRICS_PORT: saw ${address.port}`),
    });
  });
});

/** The series of bytes, without labels. */
async function bytesOf(change: {
  readonly recordBytes: number | null;
  readonly arriving?: number;
}): Promise<readonly string[]> {
  const waves = [{ ...wave, ...change }];
  const lag = { at: 1_795_348_800_000, waves, etaSeconds: null };
  const { text } = await open({ readings: async () => [{ ...reading, lag }] }).scrape();
  return Object.entries(series(text)).flatMap(([name, value]) =>
    name.includes("_bytes") && name.startsWith("mskferry_") ? [`${name.split("{")[0]} ${value}`] : [],
  );
}
