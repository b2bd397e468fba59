import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import { stringify } from "yaml";
import { type Config, loadConfig } from "#config";
import { asFerryError } from "#domain/errors.ts";

type Variables = Readonly<Record<string, string | undefined>>;

/** Enough to start in Socket Mode. */
export const socket = {
  SLACK_BOT_TOKEN: "xoxb-0000-notreal",
  SLACK_APP_TOKEN: "xapp-0000-notreal",
  REDIS_URL: "redis://127.0.0.1:1",
};

/** A migration with nothing but what is required. */
export const orders = {
  channel: "C0MIGRATION",
  source: { bootstrap: ["kafka-1:9092"] },
  target: {
    cluster: "migrated",
    region: "eu-west-1",
    auth: "iam",
    subnets: ["subnet-a", "subnet-b"],
    securityGroups: ["sg-a"],
  },
  replication: { connect: { url: "http://connect:8083" } },
};

export const sasl = {
  protocol: "SASL_SSL",
  mechanism: "SCRAM-SHA-512",
  username: "ferry",
  passwordEnv: "SOURCE_PASSWORD",
};

export function migration(changes: object): object {
  return { migrations: { orders: { ...orders, ...changes } } };
}

let folder = "";
let written = 0;

/** A folder of this test file's own, for as long as its tests run. */
export function useSettingsFolder(): void {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "ferry-config-"));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });
}

/** A path in the folder at which there is nothing. */
export function absentFile(): string {
  return join(folder, "absent");
}

export async function settingsFile(content: unknown): Promise<string> {
  written += 1;
  const path = join(folder, `ferry-${written}.yaml`);
  await writeFile(path, typeof content === "string" ? content : stringify(content));
  return path;
}

export async function load(content: unknown, environment: Variables = socket): Promise<Config> {
  return await loadConfig({ ...environment, FERRY_CONFIG: await settingsFile(content) });
}

/** What a start with these settings says. */
export async function refusal(content: unknown, environment?: Variables): Promise<string> {
  const error = await load(content, environment).then(
    () => expect.fail("these settings were taken"),
    (thrown: unknown) => asFerryError(thrown),
  );
  expect(error.code).toBe("E_SETTINGS");
  return error.message;
}
