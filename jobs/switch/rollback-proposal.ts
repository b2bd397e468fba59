import { z } from "zod";
import type { Proposal } from "#domain/approval/approval.ts";
import { FerryError } from "#domain/errors.ts";
import type { Part } from "#domain/message.ts";
import type { Wave } from "#domain/plan.ts";
import type { GroupBack, Readiness } from "#domain/switch/readiness.ts";
import { about, clockTime, count, figure } from "#domain/wording.ts";
import { refuseOtherEngine } from "#jobs/mirror/change-engine.ts";
import { readMigrationLag } from "#jobs/mirror/migration-lag.ts";
import type { Asked, Run } from "#jobs/run/approvable.ts";
import type { Work } from "#jobs/work.ts";
import { lateRows } from "./before-start.ts";
import { liveGroups } from "./clients.ts";
import { fenceSize } from "./fence-document.ts";
import { type ProposedFence, proposeFence } from "./fence-proposal.ts";
import { standingFences } from "./fence-sweep.ts";
import { heldRemedy, recallHeld } from "./forward-held.ts";
import { readReadiness } from "./readiness.ts";
import { rollbackFacts } from "./rollback-facts.ts";
import { waveToRollBack } from "./rollback-point.ts";
import { writtenOnTarget } from "./target-only.ts";
import { consumersOf, loadPlan, producersOf, readWaveState, waveOfRun } from "./wave.ts";

/**
 * What a rollback of the last switch of a wave would do at this moment, and the facts it depends on. Where no rollback is
 * the way back, `E_PHASE` says what is.
 */
export async function proposeRollback(asked: Asked, work: Work): Promise<Proposal> {
  const plan = await loadPlan(work);
  const wave = await waveToRollBack(asked, plan, work);
  await refuseOtherEngine([], work);
  const target = await work.world.target();
  const { copyRates } = await readMigrationLag(work);
  const readiness = await readReadiness(wave, copyRates, work, "gate");
  if (readiness === undefined)
    throw new FerryError("E_PHASE", `Wave ${wave.name} was taken back just now: nothing is left to undo.`);
  const { phase } = readiness;
  const withProducers = phase === "producers-moved";
  const fence = withProducers ? await proposeFence(wave, "target", work) : undefined;
  return {
    action: "rollback",
    wave: wave.name,
    title: `roll back ${withProducers ? "PRODUCERS and consumers" : "CONSUMERS"} of wave ${wave.name}`,
    plan: {
      plan: plan.hash,
      wave: wave.name,
      phase,
      topics: [...wave.topics].toSorted(),
      groups: [...wave.groups].toSorted(),
      clients: [...consumersOf(work, wave), ...(withProducers ? producersOf(work, wave) : [])]
        .map(({ name }) => name)
        .toSorted(),
      ...(fence === undefined ? {} : { fence: [...fence.acls] }),
      ...(readiness.again.length === 0 ? {} : { readAgainFrom: [...readiness.again] }),
    },
    effects: await effects(readiness, fence, wave, work),
    ...(readiness.groups.length > 1 ? { table: groupTable(readiness.groups) } : {}),
    facts: [
      ...(await rollbackFacts(readiness, plan, wave, target, work)),
      ...(fence === undefined ? [] : [fence.fact]),
    ],
    quorum: withProducers ? work.migration.settings.approvals.quorum : 1,
  };
}

const Floored = z.object({ readAgainFrom: z.array(z.string()).default([]) });

/** "payments-1 120": where groups may begin again, because a record there was never on MSK. */
export function approvedFloors({ plan }: Proposal): readonly string[] {
  return Floored.parse(plan).readAgainFrom;
}

async function effects(
  readiness: Readiness,
  fence: ProposedFence | undefined,
  wave: Wave,
  work: Work,
): Promise<Proposal["effects"]> {
  const withProducers = readiness.phase === "producers-moved";
  const rows = [
    { label: "What happens", value: withProducers ? wayBackOfAll : wayBackOfConsumers },
    { label: "Lost", value: lostText(readiness) },
    { label: "Read twice", value: readTwiceText(readiness, work.clock.now()) },
    ...(withProducers ? [{ label: "Brought back", value: await broughtBack(readiness, wave, work) }] : []),
    ...(readiness.again.length === 0 ? [] : [{ label: "MSK lacks", value: lacksText(readiness) }]),
    { label: "Takes", value: timeText(readiness) },
    ...(fence?.effects.map(({ label, value }) => ({ label: `${label} on MSK`, value })) ?? []),
    { label: "Fence on the source", value: await sourceFence(wave, work) },
    { label: "If it fails", value: ifItFails },
    { label: "Afterwards", value: afterwards(readiness) },
  ];
  return rows;
}

const wayBackOfConsumers = "stop consumers on MSK → translate their offsets back → start on the source";
const wayBackOfAll =
  "stop producers on MSK → fence MSK → prove silence → drain and stop the reverse mirror → stop consumers → translate their offsets back → start them on the source → lift the fences → mirror forward again → start producers on the source";
const ifItFails =
  "until the offsets are committed on the source everything goes back to MSK by itself, also on `/ferry cancel`; behind that it goes on";
const afterAll =
  "the forward mirror goes on from where the source ends then, so nothing is copied twice; both cutovers can be asked for again";
const afterHeld =
  "no offset exists from which a mirror would copy the records that MSK lacks and not the others, so the forward mirror is removed: delete the wave's topics on MSK, then `/ferry replicate start` copies them anew";
const afterConsumers =
  "the forward mirror was never stopped, so nothing is copied twice; the cutover can be asked for again";

function afterwards({ phase, again }: Readiness): string {
  if (phase === "consumers-moved") return afterConsumers;
  return again.length === 0 ? afterAll : afterHeld;
}

/** Pinned by the offsets in the plan. */
function lacksText({ findings, again }: Readiness): string {
  const text = findings.find(({ about }) => about === "standby")?.text ?? "not known what";
  return `${text}. Groups that are behind begin again at ${again.join(", ")}: what they have read from there on until the producers are stopped is read twice`;
}

function lostText({ lost, phase }: Readiness): string {
  if (!lost.known) return `not known: ${lost.why}`;
  const records = count(lost.value, "record");
  if (lost.value > 0) return `${records}: expired on MSK before they were copied back`;
  return phase === "producers-moved"
    ? `${records}: nothing starts on the source before the reverse mirror has lag 0, MSK stands still and the last records of both sides are equal`
    : `${records}: the producers write to the source, and each group goes on at the record it was found at`;
}

function readTwiceText({ readTwice, groups }: Readiness, now: number): string {
  const offsets = groups.reduce((sum, back) => sum + (back.kind === "exact" ? back.offsets : 0), 0);
  const proved = `${count(offsets, "offset")} of ${count(groups.length, "group")} translated back by content at ${clockTime(now)}`;
  return readTwice.known
    ? `${count(readTwice.value, "record")}: ${proved}`
    : `not known for all: ${readTwice.why}; ${proved}`;
}

/** A row for each group: what is not known first, then those that read again. */
function groupTable(groups: readonly GroupBack[]): NonNullable<Proposal["table"]> {
  return {
    columns: [
      { title: "group", align: "left" },
      { title: "read twice", align: "right" },
      { title: "offsets", align: "right" },
      { title: "on the source", align: "left" },
    ],
    rows: groups
      .toSorted((a, b) => weight(b) - weight(a))
      .map((back) =>
        back.kind === "exact"
          ? [back.group, figure(back.readTwice), figure(back.offsets), back.from ?? "exact"]
          : [back.group, "unknown", "unknown", `${placeOf[back.kind]}: ${back.why}`],
      ),
  };
}

const placeOf = {
  waiting: "known once the mirror has passed it",
  refused: "refused",
  unknown: "not known",
} as const;

/** Unknown comes first. */
function weight(back: GroupBack): number {
  return back.kind === "exact" ? back.readTwice : Number.MAX_VALUE;
}

/** What a cutover of producers still holds there. */
async function sourceFence(wave: Wave, work: Work): Promise<string> {
  const standing = await standingFences(work, [wave.name]);
  const held = standing.filter(({ side }) => side === "source").map((fence) => fenceSize(fence));
  return held.length === 0
    ? "none stands; nothing has to be lifted"
    : `${held.join(", ")}, lifted before the producers start there`;
}

async function broughtBack({ behind }: Readiness, wave: Wave, work: Work): Promise<string> {
  const state = await readWaveState(work, wave.name);
  const written = await writtenOnTarget(wave, state, await work.world.target());
  if (behind === undefined) return `${written}; how many are on the source is not known`;
  const left = behind.records === null ? `at least ${figure(behind.atLeast)}` : figure(behind.records);
  return `${written}; ${left} of them not on the source yet`;
}

function timeText({ ms }: Readiness): string {
  if (!ms.known) return `not known: ${ms.why}`;
  return `${ms.value < 1000 ? "under 1 s" : `about ${about(ms.value)}`}, as the steps of this wave took and the mirror copies`;
}

/** How the world looks after a rollback. */
export async function summaryOfRollback(proposal: Proposal, work: Work, run: Run): Promise<readonly Part[]> {
  const wave = await waveOfRun(proposal, work, run);
  const live = await liveGroups(work.world.source, wave.groups);
  const onSource = { label: "On the source", value: live.join("; ") || "no live group" };
  const late = await lateRows(run);
  const held = await recallHeld(run);
  if (held !== undefined) {
    const rows = [
      onSource,
      ...late,
      { label: "Mirror", value: "STOPPED and removed: it would leave records out or copy others twice" },
      { label: "MSK lacks", value: held.lacks },
      { label: "Do", value: heldRemedy(held) },
    ];
    return [{ kind: "facts", rows }];
  }
  return [
    {
      kind: "facts",
      rows: [
        onSource,
        ...late,
        { label: "Mirror", value: "forward again, behind what came back: nothing is copied twice" },
        { label: "Next", value: `\`/ferry cutover consumers ${wave.name}\` when the cause is gone` },
      ],
    },
  ];
}
