import { z } from "zod";
import { canonical, hashOf } from "#domain/canonical.ts";
import { StoredEntry, verifyChain } from "./audit.ts";
import { Manifest, type PartName, partNames } from "./evidence.ts";
import { fingerprintOf, isSignature } from "./evidence-key.ts";

/** Checks a bundle of evidence with nothing but its bytes and, better, the key that it should be signed with. */

export type Finding = { readonly state: "holds" | "broken" | "warn"; readonly text: string };

/** `unsigned`: nothing in it contradicts itself, and anybody could have written it. */
export type EvidenceCheck = {
  readonly verdict: "holds" | "unsigned" | "broken";
  readonly findings: readonly Finding[];
};

const parts = z.array(z.unknown());
const Bundle = z.strictObject({
  manifest: Manifest,
  signature: z.string().nullable(),
  entries: parts,
  plans: parts,
  requests: parts,
  gateFacts: parts,
  approvals: parts,
  verifications: parts,
  reports: parts,
  journals: parts,
});
type Bundle = z.infer<typeof Bundle>;

/** `pinned`: the public key that must have signed, as `readPublicKey` gives it. Never throws. */
export function checkEvidence(bytes: Uint8Array, pinned: string | undefined): EvidenceCheck {
  const read = readDocument(bytes);
  if ("broken" in read) return { verdict: "broken", findings: [broken(read.broken)] };
  const findings: Finding[] = [read.form];
  const bundle = Bundle.safeParse(read.document);
  if (bundle.success) {
    findings.push(...checkDigests(bundle.data), checkAgreement(bundle.data), checkQuotes(bundle.data));
    findings.push(...checkSignature(bundle.data, pinned));
  } else {
    const [issue] = bundle.error.issues;
    const where = issue?.path.join(".") ?? "";
    findings.push(broken(`The bundle has not its form: ${where} ${issue?.message ?? ""}`.trimEnd()));
  }
  findings.push(checkChain(entriesOf(read.document)));
  const unsigned = bundle.success && bundle.data.manifest.publicKey === null;
  if (findings.some(({ state }) => state === "broken")) return { verdict: "broken", findings };
  return { verdict: unsigned ? "unsigned" : "holds", findings };
}

type Read = { readonly document: unknown; readonly form: Finding } | { readonly broken: string };

/** The bytes must be the one canonical form: otherwise something could be hidden between what is hashed. */
function readDocument(bytes: Uint8Array): Read {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return { broken: "The file is not UTF-8: it was changed, or is something else." };
  }
  try {
    const document: unknown = JSON.parse(text);
    const same = `${canonical(document)}\n` === text;
    return { document, form: same ? holds("The bytes are in canonical form.") : broken(notCanonical) };
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    return { broken: `The file is not whole JSON: it was cut off or changed (${why.slice(0, 120)}).` };
  }
}

const notCanonical =
  "The bytes are not in canonical form: spaces, order, numbers or repeated keys were changed.";

/** Also of a bundle that lacks its form: the chain can still say where it breaks. */
function entriesOf(document: unknown): readonly unknown[] {
  return z.object({ entries: z.array(z.unknown()) }).safeParse(document).data?.entries ?? [];
}

function checkDigests({ manifest, ...bundle }: Bundle): readonly Finding[] {
  const wrong = partNames.flatMap((name) => wrongPart(name, bundle[name], manifest));
  const sizes = partNames.map((name) => `${bundle[name].length} ${name}`).join(", ");
  return wrong.length > 0 ? wrong : [holds(`The digests of ${partNames.length} parts hold: ${sizes}.`)];
}

function wrongPart(name: PartName, part: readonly unknown[], manifest: Manifest): readonly Finding[] {
  const found = hashOf(part);
  const expected = manifest.sha256[name];
  const count = manifest.counts[name];
  return [
    ...(found === expected
      ? []
      : [broken(`Part ${name}: its SHA-256 is ${found}, the manifest has ${expected}.`)]),
    ...(part.length === count ? [] : [broken(`Part ${name}: it holds ${part.length}, not ${count}.`)]),
  ];
}

/** The chain by itself: whoever changes an entry has to change all that follow. */
function checkChain(raw: readonly unknown[]): Finding {
  const entries = [];
  for (const [index, each] of raw.entries()) {
    const entry = StoredEntry.safeParse(each);
    if (!entry.success) {
      const issue = entry.error.issues[0];
      const what = `${issue?.path.join(".") ?? ""} ${issue?.message ?? ""}`.trim();
      return broken(`The chain breaks: entry ${index + 1} of the file is none (${what}).`);
    }
    entries.push(entry.data);
  }
  const check = verifyChain(entries);
  if (!check.intact) {
    const { sequence, what, link, expected, found, why } = check;
    const first = `The chain breaks at entry ${sequence} (${what}): ${why}`;
    return broken(`${first}; its ${link} is ${found}, expected ${expected}.`);
  }
  if (entries.length === 0) return holds("The chain is empty.");
  const { pruned, head } = check;
  const older =
    pruned === undefined
      ? ""
      : ` Entries up to ${pruned.sequence} (${pruned.until}) were removed by retention; the chain vouches for their last hash ${pruned.hash}.`;
  const whole = `The chain of ${entries.length} entries is whole, from ${entries[0]?.sequence} to ${entries.at(-1)?.sequence}; it ends in ${head}.`;
  return holds(`${whole}${older}`);
}

const Numbered = z.object({ sequence: z.int(), hash: z.string(), migration: z.string() });

function numbersOf(entry: unknown): z.infer<typeof Numbered> {
  return Numbered.safeParse(entry).data ?? { sequence: 0, hash: "", migration: "" };
}

/** What the manifest says about the chain, so that its end cannot be cut off in silence. */
function checkAgreement({ manifest, entries }: Bundle): Finding {
  const first = numbersOf(entries[0]);
  const last = numbersOf(entries.at(-1));
  const { chain, migration } = manifest;
  if (chain.first !== first.sequence || chain.last !== last.sequence) {
    const seen = `${first.sequence} to ${last.sequence}`;
    return broken(`The manifest has entries ${chain.first} to ${chain.last}; the file has ${seen}.`);
  }
  if (chain.head !== last.hash) {
    return broken(`The manifest's chain ends in ${chain.head}; the file's in ${last.hash || "nothing"}.`);
  }
  if (!chain.intact) return broken("The chain was broken when it was exported, says the manifest.");
  const stranger = entries.findIndex((entry) => numbersOf(entry).migration !== migration);
  if (stranger !== -1) return broken(`Entry ${stranger + 1} of the file is not of ${migration}.`);
  return holds(`The manifest and the chain agree: ${migration}, exported ${manifest.madeAt}.`);
}

/** Approvals and verifications are entries of the chain, taken out for reading. */
function checkQuotes({ entries, approvals, verifications }: Bundle): Finding {
  const known = new Set(entries.map((entry) => hashOf(entry)));
  const wrong = [...approvals, ...verifications].find((quoted) => !known.has(hashOf(quoted)));
  if (wrong === undefined) return holds("Approvals and verifications are what the chain says.");
  const { sequence } = numbersOf(wrong);
  return broken(`An approval or verification is not in the chain: it calls itself entry ${sequence}.`);
}

function checkSignature({ manifest, signature }: Bundle, pinned: string | undefined): readonly Finding[] {
  const { publicKey } = manifest;
  if (publicKey === null || signature === null) {
    if (publicKey !== signature) return [broken("The manifest names a key or a signature, not both.")];
    const none = "NOT SIGNED: anybody could have written this file.";
    return [pinned === undefined ? { state: "warn", text: none } : broken(`${none} A key was expected.`)];
  }
  const fingerprint = `SHA-256 of its key: ${fingerprintOf(publicKey)}`;
  if (!isSignature(canonical(manifest), signature, publicKey)) {
    return [broken(`The signature is not of this manifest. ${fingerprint}.`)];
  }
  if (pinned === undefined) {
    const how = "Not pinned: compare that with the key you know, or give --key.";
    return [holds(`The signature holds. ${fingerprint}.`), { state: "warn", text: how }];
  }
  if (pinned === publicKey) return [holds(`The signature holds, by the key that was given. ${fingerprint}.`)];
  const expected = `expected the one of ${fingerprintOf(pinned)}`;
  return [broken(`The signature is by another key. ${fingerprint}; ${expected}.`)];
}

function holds(text: string): Finding {
  return { state: "holds", text };
}

function broken(text: string): Finding {
  return { state: "broken", text };
}
