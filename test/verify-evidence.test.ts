import { execFile } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { processEnvironment } from "#config";
import { chain } from "#domain/audit/audit.ts";
import { sealEvidence } from "#domain/audit/evidence.ts";
import { readSigner } from "#domain/audit/evidence-key.ts";
import { load, orders, refusal, settingsFile, socket, useSettingsFolder } from "#support/settings-files.ts";

useSettingsFolder();

const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const pem = privateKey.export({ format: "pem", type: "pkcs8" }).toString();
const signer = readSigner(pem);
const publicPem = publicKey.export({ format: "pem", type: "spki" }).toString();

const entry = chain(
  { at: "2026-11-22T14:10:00.000Z", actor: "U1", migration: "orders", what: "plan.made" },
  undefined,
);
const none = {
  plans: [],
  requests: [],
  gateFacts: [],
  approvals: [],
  verifications: [],
  reports: [],
  journals: [],
};
const version = { unknown: "not asked" };
const about = {
  migration: "orders",
  madeAt: "2026-11-22T14:10:00.000Z",
  madeFor: "U1",
  versions: { bot: "0.1.0", node: "v24", source: version, target: version, connect: version },
};

function bundle(by: typeof signer | undefined): string {
  return sealEvidence({ entries: [entry], ...none }, about, by);
}

describe("npm run verify-evidence", { timeout: 60_000 }, () => {
  const program = fileURLToPath(new URL("../src/verify-evidence.ts", import.meta.url));

  async function verify(given: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    const env = { PATH: processEnvironment()["PATH"], ...environment };
    return await promisify(execFile)(process.execPath, [program, ...given], { env }).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      (error: unknown) => z.object({ code: z.number(), stdout: z.string(), stderr: z.string() }).parse(error),
    );
  }

  test("exits 0 when all holds, with the key in a file or as base64, and says when it was not pinned", async () => {
    const file = await settingsFile(bundle(signer));
    for (const key of [signer.publicKey, await settingsFile(publicPem)]) {
      const { code, stdout } = await verify([file, "--key", key]);
      expect({ code, pinned: !stdout.includes("Not pinned") }).toEqual({ code: 0, pinned: true });
      expect(stdout).toMatch(/All holds\.\n$/);
    }
    const unpinned = await verify([file]);
    expect(unpinned.code).toBe(0);
    expect(unpinned.stdout).toContain(signer.fingerprint);
    expect(unpinned.stdout).toContain("! Not pinned");
  });

  test("exits 1 when something is broken and names the entry", async () => {
    const { code, stdout } = await verify([
      await settingsFile(bundle(signer).replace("plan.made", "plan.make")),
    ]);
    expect(code).toBe(1);
    expect(stdout).toContain("✗ The chain breaks at entry 1 (plan.make)");
    expect(stdout).toMatch(/BROKEN: do not rely on this file\.\n$/);
  });

  test("exits 2 when nobody signed", async () => {
    const { code, stdout } = await verify([await settingsFile(bundle(undefined))]);
    expect(code).toBe(2);
    expect(stdout).toContain("! NOT SIGNED");
  });

  test("exits 3 when it could not check: no file, no key, or a --key that npm kept", async () => {
    const file = await settingsFile(bundle(signer));
    const codes = await Promise.all([
      verify([]),
      verify([`${file}.absent`]),
      verify([file, "--key", "nonsense"]),
      verify([file, "--kee", "x"]),
      verify([file], { npm_config_key: "x" }),
    ]);
    expect(codes.map(({ code }) => code)).toEqual([3, 3, 3, 3, 3]);
    expect(codes.map(({ stdout }) => stdout).join("")).toBe("");
    expect(codes.at(-1)?.stderr).toContain("put -- before FILE");
  });
});

describe("the signing key", () => {
  const file = { migrations: { orders } };

  test("comes from the environment or a file, and may be absent", async () => {
    const FERRY_SIGNING_KEY_FILE = await settingsFile(pem);
    expect((await load(file, { ...socket, FERRY_SIGNING_KEY: pem })).signer?.fingerprint).toBe(
      signer.fingerprint,
    );
    expect((await load(file, { ...socket, FERRY_SIGNING_KEY_FILE })).signer?.fingerprint).toBe(
      signer.fingerprint,
    );
    expect((await load(file)).signer).toBeUndefined();
  });

  test.each<[string, Readonly<Record<string, string>>, string]>([
    [
      "is no key",
      { FERRY_SIGNING_KEY: "s3cret" },
      "FERRY_SIGNING_KEY: a value is set; expected a private key",
    ],
    ["is in a file that is not there", { FERRY_SIGNING_KEY_FILE: "/absent.pem" }, "that file cannot be read"],
    ["is given twice", { FERRY_SIGNING_KEY: "s3cret", FERRY_SIGNING_KEY_FILE: "x" }, "set one of them"],
  ])("that %s stops the start", async (_, variables, expected) => {
    const message = await refusal(file, { ...socket, ...variables });
    expect(message).toContain(expected);
    expect(message).not.toContain("s3cret");
  });
});

function keeping(keep: string): object {
  return { migrations: { orders: { ...orders, audit: { keep } } } };
}

describe("audit.keep", () => {
  test("is forever, or at least 30 days", async () => {
    const [kept] = (await load(keeping("400d"))).migrations;
    expect(kept?.settings.audit.keep).toBe(400 * 86_400_000);
    expect((await load({ migrations: { orders } })).migrations[0]?.settings.audit.keep).toBe("forever");
    expect(await refusal(keeping("1h"))).toContain('audit.keep: saw "1h"; expected "forever" or a duration');
  });
});
