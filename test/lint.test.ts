import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";

/** The house's one-way imports (docs/decisions/0001): each planted violation must be reported, each legal one not. */

const forbidden = [
  ["src/domain/plan.ts", "node:fs"],
  ["src/domain/plan.ts", "#config"],
  ["src/domain/plan.ts", "kafkajs"],
  ["src/adapters/msk.ts", "#jobs/run/steps.ts"],
  ["src/adapters/msk.ts", "#config"],
  ["src/adapters/msk.ts", "kafkajs"],
  ["src/adapters/msk.ts", "#adapters/kafka/cluster.ts"],
  ["src/adapters/kafka/cluster.ts", "@slack/bolt"],
  ["src/adapters/slack/slack.ts", "../kafka/cluster.ts"],
  ["jobs/assess.ts", "#adapters/msk.ts"],
  ["jobs/assess.ts", "#adapters/kafka/cluster.ts"],
  ["jobs/switch/consumers.ts", "../../src/adapters/msk.ts"],
  ["jobs/switch/consumers.ts", "kafkajs/src/broker/index.js"],
  ["jobs/switch/consumers.ts", "#commands/help.ts"],
  ["jobs/switch/consumers.ts", "node:child_process"],
  ["jobs/switch/consumers.ts", "#support/hand-clock.ts"],
  ["commands/plan.ts", "#jobs/plan.ts"],
  ["commands/plan.ts", "#adapters/slack/slack.ts"],
  ["commands/plan.ts", "@slack/bolt"],
  ["src/config.ts", "#adapters/msk.ts"],
  ["src/log.ts", "#jobs/plan.ts"],
] as const;

const allowed = [
  ["src/domain/plan.ts", "zod"],
  ["src/domain/plan.ts", "./errors.ts"],
  ["src/domain/lag/eta.ts", "#domain/ports.ts"],
  ["src/adapters/msk.ts", "@aws-sdk/client-kafka"],
  ["src/adapters/msk.ts", "#domain/errors.ts"],
  ["src/adapters/kafka/cluster.ts", "kafkajs/src/broker/index.js"],
  ["jobs/switch/consumers.ts", "#jobs/run/steps.ts"],
  ["jobs/switch/consumers.ts", "#domain/errors.ts"],
  ["commands/plan.ts", "@slack/types"],
  ["src/queue.ts", "bullmq"],
] as const;

const Report = z.object({
  diagnostics: z.array(z.object({ filename: z.string(), code: z.string().optional() })),
});

let folder = "";
let reported: ReadonlySet<string> = new Set();

/** One folder per case, so that each has a file of its own at the place that the rule names. */
function home(index: number, file: string): string {
  return join(folder, String(index), file);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ferry-lint-"));
  const rules = z.record(z.string(), z.unknown()).parse(JSON.parse(await readFile(".oxlintrc.json", "utf8")));
  const { options: _, ...withoutTypes } = rules;
  for (const [index, [file, imported]] of [...forbidden, ...allowed].entries()) {
    const path = home(index, file);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, `import { thing } from "${imported}";\n\nexport const used = thing;\n`);
    await writeFile(join(folder, String(index), ".oxlintrc.json"), JSON.stringify(withoutTypes));
  }
  const found = await Promise.all(
    [...forbidden, ...allowed].map((_, index) => lint(join(folder, String(index)))),
  );
  reported = new Set(found.flatMap((bad, index) => (bad ? [String(index)] : [])));
}, 60_000);

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** True when a forbidden import is reported in this folder. */
function lint(cwd: string): Promise<boolean> {
  const oxlint = resolve("node_modules/.bin/oxlint");
  const { promise, resolve: settle, reject } = Promise.withResolvers<boolean>();
  execFile(oxlint, ["--format=json"], { cwd }, (_, stdout) => {
    try {
      const { diagnostics } = Report.parse(JSON.parse(stdout));
      settle(diagnostics.some(({ code }) => code?.includes("no-restricted-imports") === true));
    } catch (unreadable) {
      reject(unreadable);
    }
  });
  return promise;
}

describe("the linter", () => {
  it.each(forbidden.map(([file, imported], index) => ({ file, imported, index })))(
    "refuses $imported in $file",
    ({ index }) => {
      expect(reported.has(String(index))).toBe(true);
    },
  );

  it.each(allowed.map(([file, imported], index) => ({ file, imported, index: index + forbidden.length })))(
    "allows $imported in $file",
    ({ index }) => {
      expect(reported.has(String(index))).toBe(false);
    },
  );
});
