import type { Load } from "#domain/assess/sizing-load.ts";
import { brokerType, prices } from "#domain/msk/data.ts";
import type { CostRow, Shape } from "#domain/plan.ts";
import type { MigrationSettings } from "#domain/settings.ts";
import type { Known } from "#domain/topology.ts";
import { took } from "#domain/wording.ts";
import type { Site } from "./sizing.ts";

/** What is paid for: by the month afterwards, and for the migration itself. Prices are data of one day and Region. */

const gib = 2 ** 30;
const secondsPerMonth = prices.hoursPerMonth * 3600;

type Asked = Pick<MigrationSettings["target"], "region" | "monitoring">;

/** The parts of the price; what the table has no price for is unknown, never zero. */
export function monthlyCosts(
  shape: Shape,
  load: Load,
  { zones }: Site,
  { region, monitoring }: Asked = { region: prices.region, monitoring: "DEFAULT" },
): readonly CostRow[] {
  const { brokers, volumeGiB, provisionedThroughputMiBs: rate } = shape;
  const hourly = hourlyOf(shape);
  return [
    ...otherRegion(region),
    row(
      "brokers",
      hourly * prices.hoursPerMonth,
      `${brokers} × ${shape.instanceType}, ${prices.hoursPerMonth} h`,
    ),
    ...(shape.kind === "express"
      ? [
          ofKnown(
            "storage",
            load.storedBytes,
            (bytes) => (bytes / gib) * prices.express.storagePerGiBMonth,
            "one copy is billed",
          ),
          ofKnown(
            "data in",
            load.ingressMBps,
            (rate) => monthOf(rate) * prices.express.ingressPerGiB,
            "each GiB that producers write",
          ),
        ]
      : [
          volumeGiB === undefined
            ? unknownRow("storage", "the volume is not known")
            : row(
                "storage",
                brokers * volumeGiB * prices.standard.storagePerGiBMonth,
                `${brokers} × ${volumeGiB} GiB`,
              ),
          row("data in", 0, "Standard brokers have no price for it"),
          row(
            "provisioned throughput",
            brokers * (rate ?? 0) * prices.standard.throughputPerMiBsMonth,
            rate === undefined ? "none" : `${brokers} × ${rate} MiB/s`,
          ),
        ]),
    monitoringRow(monitoring),
    ofKnown(
      "traffic of clients between zones",
      load.ingressMBps,
      (rate) => crossing(monthOf(rate), zones),
      "of what producers write; not in the price above; consumers cost as much for each group that does not read from its own zone",
    ),
  ];
}

function monitoringRow(level: Asked["monitoring"]): CostRow {
  if (level === "DEFAULT") {
    const why = "level DEFAULT, which is free; the other levels are billed by CloudWatch per metric";
    return row("monitoring", 0, why);
  }
  const why = `level ${level} is billed by CloudWatch per metric; how many there will be is not known`;
  return unknownRow("monitoring", why);
}

/** Another Region's prices are not guessed: the rows below it are those of the table's. */
function otherRegion(region: string): readonly CostRow[] {
  if (region === prices.region) return [];
  const why = `the table is of ${prices.region} (${prices.asOf}): every row is the price there`;
  return [unknownRow(`prices in ${region}`, why)];
}

/**
 * What the migration adds, by the day where it goes on by the day. The source's own price is the team's to know, and so
 * is that of the workers.
 */
export function migrationCosts(
  shape: Shape,
  load: Load,
  { zones }: Site,
  stayMs?: number,
): readonly CostRow[] {
  const { replicator } = prices;
  const note = replicator.confirmed ? "" : "; its price is not confirmed";
  return [
    row(
      "MSK beside the source, a day",
      (shape.monthlyUsd / prices.hoursPerMonth) * 24,
      "from provision until the source is switched off",
    ),
    ...(stayMs === undefined
      ? []
      : [
          row(
            "MSK beside the source, after the last switch",
            (shape.monthlyUsd / prices.hoursPerMonth) * (stayMs / 3_600_000),
            `the old cluster stays ${took(stayMs)}: question old-cluster`,
          ),
        ]),
    unknownRow("the source, a day", "what it costs is not known to the bot"),
    unknownRow("the mirror's workers, a day", "they are the team's; their machines are not known to the bot"),
    ofKnown(
      "first copy, traffic between zones",
      load.storedBytes,
      (bytes) => crossing(bytes / gib, zones),
      "what is kept, once, where the workers stand in the zones of MSK",
    ),
    ofKnown(
      "mirroring, traffic between zones, a day",
      load.ingressMBps,
      (rate) => crossing(monthOf(rate) / (prices.hoursPerMonth / 24), zones),
      "what producers write while both clusters run",
    ),
    ofKnown(
      "instead of the workers: MSK Replicator, the first copy",
      load.storedBytes,
      (bytes) => (bytes / gib) * replicator.perGiB,
      `what is kept, by the GiB${note}`,
    ),
    ofKnown(
      "instead of the workers: MSK Replicator, a day",
      load.ingressMBps,
      (rate) => 24 * replicator.perHour + (monthOf(rate) / (prices.hoursPerMonth / 24)) * replicator.perGiB,
      `one Replicator for one direction, and what producers write${note}`,
    ),
  ];
}

/** GiB a month of a rate in MB/s. */
function monthOf(rate: number): number {
  return ((rate * 1e6) / gib) * secondsPerMonth;
}

/** A client finds the leader in another zone as often as there are other zones. */
function crossing(amountGiB: number, zones: number): number {
  return amountGiB * ((zones - 1) / zones) * prices.crossZonePerGiB;
}

function hourlyOf({ brokers, instanceType }: Shape): number {
  return brokers * (brokerType(instanceType)?.hourlyUsd ?? 0);
}

function row(what: string, usd: number, why: string): CostRow {
  return { what, usd: Math.round(usd * 100) / 100, why };
}

function unknownRow(what: string, why: string): CostRow {
  return { what, usd: null, why };
}

function ofKnown(what: string, value: Known<number>, price: (value: number) => number, why: string): CostRow {
  return value.known ? row(what, price(value.value), why) : unknownRow(what, value.why);
}

const oldAfterDays = 90;

/** What must be said of the price table when a plan is read: `undefined` when it is fresh. */
export function priceAge(madeAt: string): string | undefined {
  const days = Math.floor((Date.parse(madeAt) - Date.parse(prices.asOf)) / 86_400_000);
  if (days <= oldAfterDays) return undefined;
  return `the price table is ${days} days old (${prices.asOf}): check ${prices.source} before deciding`;
}
