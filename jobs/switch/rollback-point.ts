import { isOfTarget } from "#domain/action.ts";
import { type Request } from "#domain/approval/approval.ts";
import { FerryError } from "#domain/errors.ts";
import type { Plan, Wave } from "#domain/plan.ts";
import type { WaveState } from "#domain/switch/wave-state.ts";
import { listRequests } from "#jobs/approval/request-store.ts";
import type { Asked } from "#jobs/run/approvable.ts";
import { type JournalDocument, readJournal } from "#jobs/run/journal.ts";
import { runIdOf } from "#jobs/run/run.ts";
import type { Work } from "#jobs/work.ts";
import { readWaveState, waveNamed } from "./wave.ts";

/**
 * The wave whose last switch is to be undone: the one that was named, or the one that moved last. Where no rollback is
 * the way, `E_PHASE` says what is: nothing was switched, or a switch is under way.
 */
export async function waveToRollBack(
  asked: Asked,
  plan: Plan,
  work: Pick<Work, "store" | "migration">,
): Promise<Wave> {
  const named = asked.wave === undefined ? undefined : waveNamed(plan, asked.wave);
  const requests = await listRequests(work.store, work.migration.name);
  const ofWave = requests.filter((request) => concerns(request, named));
  const running = ofWave.find(({ state }) => state === "executing");
  if (running !== undefined) throw await underWay(running, work);
  const standings = await Promise.all(
    (named === undefined ? plan.waves : [named]).map(async (wave) => ({
      wave,
      state: await readWaveState(work, wave.name),
    })),
  );
  const [last] = standings.filter(({ state }) => hasMoved(state)).toSorted(byChange);
  if (last !== undefined) return last.wave;
  throw nothingToUndo(named, standings[0]?.state, ofWave);
}

/** A cleanup without a wave is one of all. */
function concerns({ action, proposal }: Request, wave: Wave | undefined): boolean {
  if (isOfTarget(action)) return false;
  return wave === undefined || proposal.wave === undefined || proposal.wave === wave.name;
}

function hasMoved({ phase }: WaveState): boolean {
  return phase === "consumers-moved" || phase === "producers-moved";
}

function byChange(a: { readonly state: WaveState }, b: { readonly state: WaveState }): number {
  return Date.parse(b.state.changedAt) - Date.parse(a.state.changedAt);
}

/** In the middle of a switch the run itself is the way back, as long as it can be. */
async function underWay(request: Request, { store }: Pick<Work, "store">): Promise<FerryError> {
  const { id, proposal, action } = request;
  const journal = await readJournal(store, runIdOf(request));
  const entries = journal?.entries ?? [];
  const now = entries.findLast(({ outcome }) => outcome === undefined) ?? entries.at(-1);
  const where = now === undefined ? "" : `, at "${now.title}"`;
  const then = action === "cleanup" ? cleanupUnderWay(id, journal) : switchUnderWay(id, journal);
  return new FerryError("E_PHASE", `Request ${id} (${proposal.title}) is under way${where}; ${then}.`);
}

function switchUnderWay(id: string, journal: JournalDocument | undefined): string {
  if (journal?.state === "undoing") return "it is going back by itself";
  if (journal?.passed === true) {
    return "it is behind its point of no return and ends by itself. Ask for the rollback when it is done";
  }
  const undo = (journal?.entries ?? [])
    .filter(({ outcome }) => outcome !== "found" && outcome !== "undone")
    .flatMap(({ undo: title }) => (title === undefined ? [] : [title]))
    .toReversed();
  const taken = undo.length === 0 ? "nothing was switched yet" : `it will ${undo.join(", then ")}`;
  return `\`/ferry cancel ${id}\` turns it back without loss: ${taken}. Once it is done, a rollback takes it back`;
}

function cleanupUnderWay(id: string, journal: JournalDocument | undefined): string {
  return journal?.passed === true
    ? "the mirrors are being removed, and the way back with them"
    : `\`/ferry cancel ${id}\` starts the mirrors back again; then ask for the rollback`;
}

function nothingToUndo(
  wave: Wave | undefined,
  state: WaveState | undefined,
  requests: readonly Request[],
): FerryError {
  if (wave !== undefined && state?.phase === "cleaned") {
    const text = `Wave ${wave.name} is cleaned up: its mirrors are removed, and the way back with them.`;
    return new FerryError("E_PHASE", text);
  }
  const waits = requests.filter(({ state: now }) => now === "open" || now === "approved");
  const cancel = waits.map(
    ({ id, proposal }) => ` Request ${id} (${proposal.title}) waits: \`/ferry cancel ${id}\` withdraws it.`,
  );
  const which = wave === undefined ? "No wave has been switched" : `Wave ${wave.name} has not been switched`;
  return new FerryError("E_PHASE", `${which}: there is nothing to roll back.${cancel.join("")}`);
}
