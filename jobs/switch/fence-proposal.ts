import { z } from "zod";
import type { GateFact, Proposal } from "#domain/approval/approval.ts";
import type { Wave } from "#domain/plan.ts";
import type { FenceGap } from "#domain/switch/fence.ts";
import type { Work } from "#jobs/work.ts";
import { aclTexts } from "./fence.ts";
import type { FenceSide } from "./fence-document.ts";
import { isNothing, type WantedFence, wantedFence } from "./fence-plan.ts";
import { fact } from "./gate-facts.ts";

/** What an approval is told about the fence: which, for whom, how long, what it leaves open. */
export type ProposedFence = {
  readonly effects: ReadonlyArray<{ readonly label: string; readonly value: string }>;
  readonly fact: GateFact;
  /** Every ACL that will be added; belongs into the hashed plan. */
  readonly acls: readonly string[];
};

const shown = 6;

const Fenced = z.object({ fence: z.array(z.string()).optional() });

/** ACLs that the approval was bound to; `undefined` when it showed none. */
export function approvedAcls({ plan }: Proposal): readonly string[] | undefined {
  return Fenced.parse(plan).fence;
}

export async function proposeFence(wave: Wave, side: FenceSide, work: Work): Promise<ProposedFence> {
  const wanted = await wantedFence([...wave.topics].toSorted(), side, work);
  return {
    effects: [
      { label: "Fence", value: fenceWords(wanted) },
      ...(isNothing(wanted) ? [] : [{ label: "Before the fence", value: beforehand }]),
      ...(isNothing(wanted) ? [] : [{ label: "Fence ends", value: endWords(wanted, side) }]),
      ...(wanted.acl.open.length === 0 ? [] : [{ label: "Not kept off", value: gapWords(wanted.acl.open) }]),
      ...(wanted.configs.length === 0 ? [] : [{ label: "max.message.bytes", value: dangers }]),
    ],
    fact: fenceFact(wanted),
    acls: aclTexts(wanted),
  };
}

const proof = "the drivers' stop, proved by two equal reads of every end offset";

const beforehand =
  "who still writes after the stop is named; while that goes on no fence is set, and this turns back by itself";

function fenceWords({ acl, configs, superUsers, mirror }: WantedFence): string {
  const parts = [
    ...denyWords(acl.covers),
    ...(acl.mirrorWrites.length === 0
      ? []
      : [
          `the mirror (${mirror}) may still write: it must, and so may an application that shares its principal`,
        ]),
    ...(acl.allow.length === 0
      ? []
      : [
          `ALLOW ALL for User:* goes before it on ${names(acl.allow.map(({ resourceName }) => resourceName))}: no ACL there and the broker lets everybody in, so a DENY alone would end reads`,
        ]),
    ...(configs.length === 0
      ? []
      : [
          `max.message.bytes = 1 on ${names(configs.map(({ topic }) => topic))}, set back to each topic's own value`,
        ]),
    ...(acl.deny.length === 0 ? [] : [passWords(superUsers)]),
  ];
  return [proof, ...parts].join("; ");
}

function denyWords(covers: WantedFence["acl"]["covers"]): readonly string[] {
  const byWho = Map.groupBy(covers, ({ denied }) => denied.join(", "));
  return [...byWho].map(([who, rows]) => {
    const on = names(rows.map(({ topic }) => topic));
    return who === ""
      ? `nobody but super users may write to ${on}: nothing to add`
      : `DENY WRITE for ${who} on ${on}`;
  });
}

function passWords(superUsers: WantedFence["superUsers"]): string {
  if (!superUsers.known) return `super users pass every ACL; who they are is not known: ${superUsers.why}`;
  return superUsers.value.length === 0
    ? "no super users"
    : `super users pass: ${superUsers.value.join(", ")}`;
}

function endWords({ acl, configs, mirror }: WantedFence, side: FenceSide): string {
  if (side === "target") return "lifted before the mirror writes to MSK again";
  if (acl.stopsMirror) {
    return `lifted once the drain is proved, before the reverse mirror runs: it would stop that too (${mirror}). From then on the source's ends are watched; more than the mirror writes is named`;
  }
  if (acl.deny.length === 0) return "lifted once the drain is proved, before the reverse mirror runs";
  const size = configs.length === 0 ? "" : "max.message.bytes goes before the reverse mirror runs; ";
  return `${size}the ACLs stay until rollback or cleanup: the mirror (${mirror}) passes them. Going back lifts them, and so does any bot process when this run loses its lease before producers start on MSK`;
}

/** Topics that are open to the same people for the same reason share a line. */
function gapWords(open: readonly FenceGap[]): string {
  const byWhy = Map.groupBy(open, ({ who, why }) => `${who}: ${why}`);
  return [...byWhy].map(([why, rows]) => `${names(rows.map(({ topic }) => topic))} for ${why}`).join("; ");
}

/** Tried with Java clients on Kafka 3.9 and 4.1. */
const dangers =
  "asked for in ferry.yaml. Idempotent Java producers die with StackOverflowError (a batch that is too large is split for ever), producers with acks=0 see success while their records are dropped, and an open transaction could not end: it waits until there is none";

/** Pinned by its verdict and by the ACLs in the plan. */
function fenceFact({ acl, refused }: WantedFence): GateFact {
  if (refused !== undefined) {
    return fact(
      "fence",
      "warn",
      `no right to set ACLs (${refused.message}): a producer that ignores its stop is not refused, only found by the proof of silence, and the cutover then waits and turns back`,
    );
  }
  if (acl.open.length > 0) {
    return fact(
      "fence",
      "warn",
      `${acl.covers.length} topics fenced by ACL; not kept off: ${gapWords(acl.open)}`,
    );
  }
  return fact("fence", "pass", `${acl.covers.length} topics fenced by ACL; the bot may set and lift it`);
}

function names(topics: readonly string[]): string {
  const more = topics.length - shown;
  return more > 0 ? `${topics.slice(0, shown).join(", ")} and ${more} more` : topics.join(", ");
}
