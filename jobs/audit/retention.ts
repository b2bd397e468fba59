import type { Work } from "#jobs/work.ts";

/** Once a day: removes what is older than `audit.keep`, leaving the checkpoint that vouches for it. */
export async function keepAudit(work: Work): Promise<void> {
  const { store, migration, clock, log } = work;
  const { keep } = migration.settings.audit;
  if (keep === "forever") return;
  const today = new Date(clock.now()).toISOString().slice(0, 10);
  const key = `audit-pruned:${migration.name}`;
  if ((await store.read(key))?.value === today) return;
  const removed = await store.pruneAudit(migration.name, new Date(clock.now() - keep).toISOString(), {
    at: new Date(clock.now()).toISOString(),
    actor: "bot",
    reason: "audit.keep",
  });
  await store.write(key, today);
  if (removed > 0) log.info({ removed }, "old audit entries were removed");
}
