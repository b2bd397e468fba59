import { type Case, nameOf, placeOf, Run, runs } from "./cases.ts";

/** Which case comes next on a scene. Shared by all labs: a case is given out once. */
export type CaseQueue = {
  readonly left: () => number;
  /**
   * A run to play where the scene stands: with its fault, or undisturbed to come to where cases wait. The places in
   * `not` are left to another scene.
   */
  readonly next: (phase: string, not?: ReadonlySet<string>) => Next;
  /** For a later scene. */
  readonly giveBack: (one: Case) => void;
};

export type Next =
  | { readonly kind: "case"; readonly one: Case }
  | { readonly kind: "undisturbed"; readonly run: Run }
  | { readonly kind: "nothing" };

export function createCaseQueue(cases: readonly Case[]): CaseQueue {
  const waiting = [...cases];
  return {
    left: () => waiting.length,
    giveBack: (one) => void waiting.unshift(one),
    next(phase, not = new Set()) {
      const countOf = (run: Run) => waiting.filter((one) => one.run === run && !not.has(placeOf(one))).length;
      if (waiting.every((one) => not.has(placeOf(one)))) return { kind: "nothing" };
      const here = Run.options.filter((run) => runs[run].from === phase);
      const [best] = here.toSorted((one, other) => countOf(other) - countOf(one));
      const at = waiting.findIndex((one) => one.run === best && !not.has(placeOf(one)));
      const [one] = at === -1 ? [] : waiting.splice(at, 1);
      if (one !== undefined) return { kind: "case", one };
      // Nothing waits here: on towards where something does.
      const run = here.find((run) => leadsOn(run, countOf)) ?? here[0];
      return run === undefined ? { kind: "nothing" } : { kind: "undisturbed", run };
    },
  };
}

/** Whether cases wait where a run ends. */
function leadsOn(run: Run, countOf: (run: Run) => number): boolean {
  return Run.options.some((other) => runs[other].from === runs[run].to && countOf(other) > 0);
}

/** The sample's cases one after the other, whatever else could be played. */
export function createFixedQueue(cases: readonly Case[]): CaseQueue {
  const waiting = [...cases];
  return {
    left: () => waiting.length,
    giveBack: (one) => void waiting.unshift(one),
    next(phase) {
      const [one] = waiting;
      if (one === undefined) return { kind: "nothing" };
      if (runs[one.run].from === phase) {
        waiting.shift();
        return { kind: "case", one };
      }
      const run = Run.options.find((run) => runs[run].from === phase && runs[run].to === runs[one.run].from);
      const other = run ?? Run.options.find((run) => runs[run].from === phase);
      if (other === undefined) throw new Error(`nothing leads from ${phase} to ${nameOf(one)}`);
      return { kind: "undisturbed", run: other };
    },
  };
}
