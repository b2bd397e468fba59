import { z } from "zod";
import { canonical, hashOf } from "#domain/canonical.ts";
import type { ChainedEntry } from "#domain/ports.ts";
import { withoutSecrets } from "#domain/redaction.ts";
import { verifyChain } from "./audit.ts";
import type { Signer } from "./evidence-key.ts";

/**
 * Evidence of a migration: one canonical JSON document of parts, a manifest with the digest of each, and an Ed25519
 * signature of the manifest. Whoever has the file and the public key needs nothing else to check it.
 */

const evidenceFormat = "msk-ferry-evidence/1";

/** Everything in a bundle beside its manifest and signature. */
export const partNames = [
  "entries",
  "plans",
  "requests",
  "gateFacts",
  "approvals",
  "verifications",
  "reports",
  "journals",
] as const;
export type PartName = (typeof partNames)[number];

export type EvidenceParts = Readonly<Record<Exclude<PartName, "entries">, readonly unknown[]>> & {
  readonly entries: readonly ChainedEntry[];
};

/** A version that could not be asked for says why. */
const Version = z.union([z.object({ known: z.string() }), z.object({ unknown: z.string() })]);
export type Version = z.infer<typeof Version>;

const Versions = z.object({
  bot: z.string(),
  node: z.string(),
  source: Version,
  target: Version,
  connect: Version,
});
export type Versions = z.infer<typeof Versions>;

const perPart = z.record(z.enum(partNames), z.int());

export const Manifest = z.strictObject({
  format: z.literal(evidenceFormat),
  migration: z.string(),
  /** ISO 8601. */
  madeAt: z.string(),
  /** Who asked for it. */
  madeFor: z.string(),
  versions: Versions,
  /** The audit chain as it was exported; `head` is the hash of the last entry. */
  chain: z.strictObject({ first: z.int(), last: z.int(), head: z.string(), intact: z.boolean() }),
  /** How many things each part holds. */
  counts: perPart,
  /** SHA-256 of the canonical JSON of each part. */
  sha256: z.record(z.enum(partNames), z.string()),
  /** Base64 of the DER of the key that signed; null: nobody did. */
  publicKey: z.string().nullable(),
});
export type Manifest = z.infer<typeof Manifest>;

export type About = Pick<Manifest, "migration" | "madeAt" | "madeFor" | "versions">;

/** The whole file, ending in a line feed. `entries` go out as they were chained: secrets were left out before that. */
export function sealEvidence(parts: EvidenceParts, about: About, signer: Signer | undefined): string {
  const { entries } = parts;
  const safe = eachPart((name) => (name === "entries" ? entries : clean(parts[name])));
  const manifest: Manifest = {
    format: evidenceFormat,
    ...about,
    chain: {
      first: entries[0]?.sequence ?? 0,
      last: entries.at(-1)?.sequence ?? 0,
      head: entries.at(-1)?.hash ?? "",
      intact: verifyChain(entries).intact,
    },
    counts: eachPart((name) => safe[name].length),
    sha256: eachPart((name) => hashOf(safe[name])),
    publicKey: signer?.publicKey ?? null,
  };
  const signature = signer?.sign(canonical(manifest)) ?? null;
  return `${canonical({ manifest, signature, ...safe })}\n`;
}

function clean(part: readonly unknown[]): readonly unknown[] {
  return part.map((item) => withoutSecrets(item));
}

/** One value for each part. */
function eachPart<T>(of: (name: PartName) => T): Record<PartName, T> {
  return {
    entries: of("entries"),
    plans: of("plans"),
    requests: of("requests"),
    gateFacts: of("gateFacts"),
    approvals: of("approvals"),
    verifications: of("verifications"),
    reports: of("reports"),
    journals: of("journals"),
  };
}
