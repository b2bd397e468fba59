import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { processEnvironment } from "#config";
import { checkEvidence } from "#domain/audit/evidence-check.ts";
import { readPublicKey } from "#domain/audit/evidence-key.ts";

/** `npm run verify-evidence FILE`: asks nothing of the network. Exit 0: all holds; 1: broken; 2: unsigned; 3: not checked. */

const usage = `Usage: npm run verify-evidence -- FILE [--key FILE|BASE64]
FILE is what /ferry audit export attached. --key pins the public key, PEM or base64, that must have signed it.
`;
const exitCodes = { holds: 0, broken: 1, unsigned: 2 } as const;
const notChecked = 3;
const signs = { holds: "✓", broken: "✗", warn: "!" } as const;
const verdicts = {
  holds: "All holds.",
  broken: "BROKEN: do not rely on this file.",
  unsigned: "UNSIGNED: whole in itself, and proof of nothing.",
} as const;

async function main(): Promise<number> {
  const { positionals, values } = parseArgs({ allowPositionals: true, options: { key: { type: "string" } } });
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0) return refuse(usage);
  if (values.key === undefined && processEnvironment()["npm_config_key"] !== undefined) {
    return refuse(`npm took --key for itself: put -- before FILE.\n${usage}`);
  }
  const pinned = values.key === undefined ? undefined : await readKey(values.key);
  if (values.key !== undefined && pinned === undefined) return refuse(`--key: no Ed25519 public key.\n`);
  const bytes = await readFile(file).catch(() => undefined);
  if (bytes === undefined) return refuse(`${file} cannot be read.\n`);
  const { verdict, findings } = checkEvidence(bytes, pinned);
  const lines = findings.map(({ state, text }) => `${signs[state]} ${text}`);
  process.stdout.write(`${[...lines, verdicts[verdict]].join("\n")}\n`);
  return exitCodes[verdict];
}

async function readKey(given: string): Promise<string | undefined> {
  return readPublicKey(given) ?? readPublicKey(await readFile(given, "utf8").catch(() => ""));
}

function refuse(why: string): number {
  process.stderr.write(why);
  return notChecked;
}

try {
  process.exitCode = await main();
} catch (thrown) {
  process.exitCode = refuse(`${thrown instanceof Error ? thrown.message : String(thrown)}\n${usage}`);
}
