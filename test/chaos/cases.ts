import { z } from "zod";
import type { Phase } from "#domain/switch/wave-state.ts";
import type { JournalDocument } from "#jobs/run/journal.ts";

/** What can be disturbed, where, and how. Steps are never listed here: they come from the journals of real runs. */

export const Run = z.enum(["consumers", "producers", "rollback-consumers", "rollback-producers"]);
/** Which run: a cutover, or a rollback after consumers, or after producers, had moved. */
export type Run = z.infer<typeof Run>;

type RunFacts = {
  readonly title: string;
  readonly command: string;
  readonly from: Phase;
  readonly to: Phase;
};

export const runs: Readonly<Record<Run, RunFacts>> = {
  consumers: {
    title: "cutover of consumers",
    command: "cutover consumers",
    from: "before-cutover",
    to: "consumers-moved",
  },
  producers: {
    title: "cutover of producers",
    command: "cutover producers",
    from: "consumers-moved",
    to: "producers-moved",
  },
  "rollback-consumers": {
    title: "rollback after consumers moved",
    command: "rollback",
    from: "consumers-moved",
    to: "before-cutover",
  },
  "rollback-producers": {
    title: "rollback after producers moved",
    command: "rollback",
    from: "producers-moved",
    to: "before-cutover",
  },
};

export const Fault = z.enum(["worker", "connect", "source", "target", "redis", "slack"]);
export type Fault = z.infer<typeof Fault>;

export const faultTitles: Readonly<Record<Fault, string>> = {
  worker: "SIGKILL of the worker",
  connect: "restart of Connect",
  source: "restart of the source broker",
  target: "restart of the target broker",
  redis: "restart of Redis",
  slack: "loss of Slack",
};

/** A place in a run: the `begin` or the `end` of a step, as its journal shows it. */
export type Boundary = string;

/** The boundaries that a journal has passed, in order. A step that found its work done has an end only. */
export function boundariesOf({ entries }: Pick<JournalDocument, "entries">): readonly Boundary[] {
  return entries.flatMap(({ step, outcome }) => [
    ...(outcome === "found" ? [] : [`${step}:begin`]),
    ...(outcome === undefined ? [] : [`${step}:end`]),
  ]);
}

/** `at`: a boundary, or its number in the journal, from 0, where the steps are not known beforehand. */
export type Case = { readonly run: Run; readonly at: Boundary | number; readonly fault: Fault };

/** A boundary of a run. */
export function placeOf({ run, at }: Pick<Case, "run" | "at">): string {
  return `${run}/${at}`;
}

export function nameOf(one: Case): string {
  return `${placeOf(one)}/${one.fault}`;
}

/** Every case of the runs whose boundaries are known. */
export function matrix(known: ReadonlyMap<Run, readonly Boundary[]>): readonly Case[] {
  return Run.options.flatMap((run) =>
    (known.get(run) ?? []).flatMap((at) => Fault.options.map((fault): Case => ({ run, at, fault }))),
  );
}

/**
 * The fixed sample of `npm test`: each fault once, each run at least once, in an order in which each run starts where
 * the one before it ended.
 */
export const sample: readonly Case[] = [
  { run: "consumers", at: 2, fault: "worker" },
  { run: "rollback-consumers", at: 1, fault: "slack" },
  { run: "consumers", at: 3, fault: "target" },
  { run: "producers", at: 5, fault: "connect" },
  { run: "rollback-producers", at: 3, fault: "redis" },
  { run: "consumers", at: 0, fault: "source" },
];
