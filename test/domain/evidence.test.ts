import { generateKeyPairSync, type KeyObject } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { chain, prune } from "#domain/audit/audit.ts";
import { type EvidenceParts, partNames, sealEvidence } from "#domain/audit/evidence.ts";
import { checkEvidence } from "#domain/audit/evidence-check.ts";
import { readPublicKey, readSigner } from "#domain/audit/evidence-key.ts";
import { canonical, hashOf } from "#domain/canonical.ts";
import type { ChainedEntry } from "#domain/ports.ts";

const pair = generateKeyPairSync("ed25519");
const stranger = generateKeyPairSync("ed25519");
const signer = readSigner(pemOf(pair.privateKey));
const other = readSigner(pemOf(stranger.privateKey));

function pemOf(key: KeyObject): string {
  return key.export({ format: "pem", type: "pkcs8" }).toString();
}

function chainOf(length: number): readonly ChainedEntry[] {
  let entries: readonly ChainedEntry[] = [];
  for (let n = 1; n <= length; n += 1) {
    const at = `2026-11-${String(n).padStart(2, "0")}T14:10:00.000Z`;
    const entry = { at, actor: "U1", migration: "orders", wave: "billing", what: `step.${n}`, detail: { n } };
    entries = [...entries, chain(entry, entries.at(-1))];
  }
  return entries;
}

function partsWith(entries: readonly ChainedEntry[]): EvidenceParts {
  return {
    entries,
    plans: [{ hash: "aa", topics: ["invoices"] }],
    requests: [{ id: "7K3Q", state: "done" }],
    gateFacts: [{ request: "7K3Q", facts: [{ name: "lag", pinned: 0 }] }],
    approvals: entries.slice(1, 2),
    verifications: entries.slice(0, 1),
    reports: ["# Final report"],
    journals: [{ run: "orders-7K3Q", entries: [] }],
  };
}

const about = {
  migration: "orders",
  madeAt: "2026-11-22T14:10:00.000Z",
  madeFor: "U1",
  versions: {
    bot: "0.1.0",
    node: "v24",
    source: { known: "2.8.1" },
    target: { unknown: "E_X" },
    connect: { known: "3.9.2" },
  },
};

const sealed = sealEvidence(partsWith(chainOf(8)), about, signer);

const Loose = z.looseObject({
  manifest: z.looseObject({ sha256: z.record(z.string(), z.string()), chain: z.looseObject({}) }),
  entries: z.array(z.looseObject({ sequence: z.number() })),
});
type Loose = z.infer<typeof Loose>;

function open(text: string): Loose {
  return Loose.parse(JSON.parse(text));
}

function close(bundle: Loose): string {
  return `${canonical(bundle)}\n`;
}

function check(text: string, pinned?: string) {
  const { verdict, findings } = checkEvidence(Buffer.from(text), pinned);
  const broken = findings.filter(({ state }) => state === "broken").map(({ text: why }) => why);
  return { verdict, broken: broken.join("\n"), all: findings.map(({ text: why }) => why).join("\n") };
}

/** As a forger without the key does it: digests, counts and the chain's ends are made to agree again. */
function resealed(entries: readonly ChainedEntry[], by = other): string {
  return sealEvidence(partsWith(entries), about, by);
}

/** Changes one entry and makes every hash after it fit. */
function rechained(at: number, change: object): readonly ChainedEntry[] {
  let entries: readonly ChainedEntry[] = [];
  for (const entry of chainOf(8)) {
    const { sequence, previous: _previous, hash: _hash, ...body } = entry;
    entries = [...entries, chain({ ...body, ...(sequence === at ? change : {}) }, entries.at(-1))];
  }
  return entries;
}

describe("a bundle as it was exported", () => {
  it("holds, and says whether its key was pinned", () => {
    expect(check(sealed, signer.publicKey)).toMatchObject({ verdict: "holds", broken: "" });
    const unpinned = check(sealed);
    expect(unpinned.verdict).toBe("holds");
    expect(unpinned.all).toContain(signer.fingerprint);
    expect(unpinned.all).toContain("Not pinned");
    expect(check(sealed, signer.publicKey).all).not.toContain("Not pinned");
  });

  it("is told apart when nobody signed it, and is no proof where a key is expected", () => {
    const unsigned = sealEvidence(partsWith(chainOf(3)), about, undefined);
    expect(check(unsigned)).toMatchObject({ verdict: "unsigned", broken: "" });
    expect(check(unsigned).all).toContain("NOT SIGNED");
    expect(check(unsigned, signer.publicKey).verdict).toBe("broken");
  });

  it("holds when retention has removed the beginning of the chain, and says so", () => {
    const entries = chainOf(8);
    const pruned = prune(entries, "2026-11-04T00:00:00.000Z", { at: about.madeAt, actor: "bot" });
    const rest = [...entries.slice(pruned?.drop), ...(pruned ? [pruned.checkpoint] : [])];
    const text = sealEvidence(partsWith(rest), about, signer);
    expect(check(text, signer.publicKey)).toMatchObject({ verdict: "holds" });
    expect(check(text).all).toContain("Entries up to 3 (2026-11-03");
  });

  it("carries no secret that a part was given", () => {
    const parts = partsWith(chainOf(1));
    const reports = ["connect with password=hunter2", { sasl: { password: "hunter2" } }];
    expect(sealEvidence({ ...parts, reports }, about, signer)).not.toContain("hunter2");
  });
});

describe("a bundle that somebody touched", () => {
  it("is found out by any single byte", { timeout: 120_000 }, () => {
    const bytes = Buffer.from(sealed);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ by;
        expect(checkEvidence(changed, undefined).verdict).toBe("broken");
      }),
      { numRuns: 1000 },
    );
  });

  it("is found out in each part by itself, by name", () => {
    for (const name of partNames) {
      const bundle = open(sealed);
      const part = [...z.array(z.unknown()).parse(bundle[name]), { sequence: 9, planted: true }];
      expect(check(`${canonical({ ...bundle, [name]: part })}\n`).broken, name).toContain(`Part ${name}`);
    }
  });

  it("is found out when an approval is told that the chain does not have", () => {
    const parts = partsWith(chainOf(3));
    const approvals = [{ ...chainOf(3)[1], actor: "UEVE" }];
    const { broken } = check(sealEvidence({ ...parts, approvals }, about, signer), signer.publicKey);
    expect(broken).toBe("An approval or verification is not in the chain: it calls itself entry 2.");
  });

  it("is found out when it was cut off anywhere", () => {
    fc.assert(
      fc.property(fc.nat(sealed.length - 1), (length) => {
        expect(check(sealed.slice(0, length)).verdict).toBe("broken");
      }),
    );
  });

  it("names the first entry that was edited, and which hash", () => {
    const bundle = open(sealed);
    const entries = bundle.entries.map((entry) =>
      entry.sequence === 5 ? { ...entry, actor: "UEVE" } : entry,
    );
    const { verdict, broken } = check(close({ ...bundle, entries }));
    expect(verdict).toBe("broken");
    expect(broken).toContain("breaks at entry 5 (step.5)");
    expect(broken).toContain(`its hash is ${String(entries[4]?.["hash"])}, expected`);
  });

  it("names the entry after one that was edited and hashed again", () => {
    const entries = chainOf(8).map((entry) => {
      if (entry.sequence !== 5) return entry;
      const { hash: _hash, ...body } = { ...entry, actor: "UEVE" };
      return { ...body, hash: hashOf(body) };
    });
    const { broken } = check(resealed(entries, signer), signer.publicKey);
    expect(broken).toContain("breaks at entry 6 (step.6)");
    expect(broken).toContain("its previous is");
  });

  it("names the place where entries were reordered, removed, repeated, or cut from the front", () => {
    const entries = chainOf(8);
    const [one, two, three, ...rest] = entries;
    if (one === undefined || two === undefined || three === undefined) throw new Error("no entries");
    const told: ReadonlyArray<readonly [readonly ChainedEntry[], string]> = [
      [[one, three, two, ...rest], "breaks at entry 2 (step.3)"],
      [[one, three, ...rest], "breaks at entry 2 (step.3)"],
      [[one, two, two, three, ...rest], "breaks at entry 3 (step.2)"],
      [[three, ...rest], "breaks at entry 1 (step.3)"],
    ];
    for (const [changed, expected] of told) {
      expect(check(resealed(changed, signer)).broken).toContain(expected);
    }
  });

  it("is found out when the end of the chain was cut and the digest made anew: the manifest was signed", () => {
    const bundle = open(sealed);
    const entries = bundle.entries.slice(0, 5);
    const { manifest } = bundle;
    const sha256 = { ...manifest.sha256, entries: hashOf(entries) };
    const { broken } = check(close({ ...bundle, entries, manifest: { ...manifest, sha256 } }));
    expect(broken).toContain("The manifest has entries 1 to 8; the file has 1 to 5");
    expect(broken).toContain("The signature is not of this manifest");
  });

  it("is found out when it was rewritten and signed by another key, if the key is pinned", () => {
    const forged = resealed(rechained(5, { actor: "UEVE" }));
    const pinned = check(forged, signer.publicKey);
    expect(pinned).toMatchObject({ verdict: "broken" });
    expect(pinned.broken).toContain("signed by another key".replace("signed", "The signature is"));
    expect(pinned.broken).toContain(signer.fingerprint);
    expect(check(forged).all).toContain(other.fingerprint);
  });

  it("is found out when its signature is another's, missing, or its key exchanged", () => {
    const bundle = open(sealed);
    const elsewhere = open(sealEvidence(partsWith(chainOf(2)), about, signer));
    expect(check(close({ ...bundle, signature: elsewhere["signature"] })).broken).toContain(
      "not of this manifest",
    );
    expect(check(close({ ...bundle, signature: null })).broken).toContain("not both");
    const manifest = { ...bundle.manifest, publicKey: other.publicKey };
    expect(check(close({ ...bundle, manifest })).broken).toContain("not of this manifest");
    const stripped = { ...bundle.manifest, publicKey: null };
    expect(check(close({ ...bundle, manifest: stripped, signature: null })).verdict).toBe("unsigned");
  });

  it("is found out by a part that does not belong, by spaces, and by a key that stands there twice", () => {
    expect(check(close({ ...open(sealed), extra: [] })).broken).toContain("has not its form");
    expect(check(sealed.replace(",", ", ")).broken).toContain("canonical");
    expect(check(sealed.replace("{", '{"plans":[],')).broken).toContain("canonical");
    expect(check(`\u{FEFF}${sealed}`).broken).toContain("not whole JSON");
    expect(checkEvidence(Buffer.from([0xff, 0xfe]), undefined).verdict).toBe("broken");
    expect(check("[".repeat(200_000)).verdict).toBe("broken");
  });
});

describe("keys", () => {
  it("are read as PEM, with line ends spelled out, and as base64 of their DER", () => {
    const der = pair.privateKey.export({ format: "der", type: "pkcs8" }).toString("base64");
    const pem = pemOf(pair.privateKey);
    for (const text of [der, `${der}\n`, pem, pem.replaceAll("\n", "\\n")]) {
      expect(readSigner(text).publicKey).toBe(signer.publicKey);
    }
    const publicPem = pair.publicKey.export({ format: "pem", type: "spki" }).toString();
    expect(readPublicKey(publicPem)).toBe(signer.publicKey);
    expect(readPublicKey(signer.publicKey)).toBe(signer.publicKey);
  });

  it("of another kind or none are refused, without a word of theirs", () => {
    const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
    expect(() => readSigner(pemOf(ec.privateKey))).toThrow("expected an Ed25519 key, not ec");
    expect(() => readSigner("c2VjcmV0LXNlY3JldA==")).toThrow(
      /^expected a private key, PEM or base64 of PKCS#8$/,
    );
    expect(readPublicKey(ec.publicKey.export({ format: "pem", type: "spki" }).toString())).toBeUndefined();
    expect(readPublicKey("nothing")).toBeUndefined();
  });
});
