import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import type { Evidence } from "./report.ts";
import { run, type Stage, tell } from "./stage.ts";

const Bundle = z.object({ entries: z.array(z.looseObject({ what: z.string(), detail: z.unknown() })) });
type Entries = z.infer<typeof Bundle>["entries"];

/** Types `audit export` and takes the file out of its thread. */
export async function exportAudit(
  stage: Stage,
): Promise<{ readonly text: string; readonly entries: Entries }> {
  const card = await run(stage, "U0ANA", "audit export");
  const attached = await stage.room.await(
    "the exported audit",
    ({ thread_ts, files }) => thread_ts === card.ts && files.length > 0,
  );
  const text = await stage.room.fileText(attached.files[0]?.id ?? "");
  return { text, entries: Bundle.parse(JSON.parse(text)).entries };
}

/**
 * Checks the exported audit as an auditor does, in a process that knows the file and the bot's public key only; and the
 * same file with one decision changed.
 */
export async function checkAudit(stage: Stage): Promise<Evidence> {
  const { text, entries } = await exportAudit(stage);
  const folder = stage.lab.clusters.runFolder.path;
  const file = join(folder, "audit.json");
  await writeFile(file, text);
  stage.say("npm run verify-evidence -- audit.json --key (the bot's public key)");
  const said = await verify(stage, file);
  for (const line of said.split("\n")) tell(stage, line);
  const changed = join(folder, "audit-changed.json");
  await writeFile(changed, text.replace('"U0BEN"', '"U0DAN"'));
  stage.say("the same file, with @dan once in the place of @ben");
  const ofChanged = await verify(stage, changed);
  for (const line of ofChanged.split("\n").filter((each) => !each.startsWith("✓"))) tell(stage, line);
  return { entries: entries.length, said, ofChanged };
}

const program = fileURLToPath(new URL("../../../src/verify-evidence.ts", import.meta.url));

/** Its words; the exit code says no more than the last line. */
async function verify({ lab, signal }: Stage, file: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const args = [program, file, "--key", lab.bot.publicKey];
  execFile(process.execPath, args, { signal, timeout: 30_000 }, (_, output, errors) =>
    resolve(`${output}${errors}`.trim()),
  );
  return await promise;
}
