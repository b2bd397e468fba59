import { Assessment, assessmentKey } from "#domain/assessment.ts";
import type { Store } from "#domain/ports.ts";
import type { Work } from "./work.ts";

/** The last two assessments: the newest under the key that all read, and the one before it to compare with. */

function previousKey(migration: string): string {
  return `assessment-before:${migration}`;
}

/**
 * Keeps it, and the one before it. `began`: when this run did, ms since the epoch: what an earlier attempt of the same
 * run has kept is replaced, it was told to nobody.
 */
export async function keepAssessment(
  assessment: Assessment,
  began: number,
  { store, migration }: Pick<Work, "store" | "migration">,
): Promise<void> {
  const newest = await store.read(assessmentKey(migration.name));
  const told = newest !== undefined && !(takenAt(newest.value) >= began);
  if (told) await store.write(previousKey(migration.name), newest.value);
  await store.write(assessmentKey(migration.name), assessment);
}

/** ms since the epoch; NaN where an earlier release wrote it otherwise. */
function takenAt(stored: unknown): number {
  return Date.parse(Assessment.pick({ taken: true }).safeParse(stored).data?.taken.at ?? "");
}

export type Stored =
  | { readonly kind: "absent" }
  /** Of an earlier release, whose form is not this one's. */
  | { readonly kind: "foreign" }
  | { readonly kind: "read"; readonly assessment: Assessment };

export async function readAssessments({
  store,
  migration,
}: Pick<Work, "store" | "migration">): Promise<{ readonly newest: Stored; readonly before: Stored }> {
  return {
    newest: await readOne(store, assessmentKey(migration.name)),
    before: await readOne(store, previousKey(migration.name)),
  };
}

async function readOne(store: Store, key: string): Promise<Stored> {
  const stored = await store.read(key);
  if (stored === undefined) return { kind: "absent" };
  const { data } = Assessment.safeParse(stored.value);
  return data === undefined ? { kind: "foreign" } : { kind: "read", assessment: data };
}
