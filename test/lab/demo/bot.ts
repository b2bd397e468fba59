import { generateKeyPairSync } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { AwsStandIn } from "../aws/stand-in.ts";
import type { Clusters } from "../cluster.ts";
import { startService } from "../process.ts";
import type { Workspace } from "../slack/workspace.ts";
import { passwordVariable } from "./ferry-file.ts";

/** The bot as a process of its own, as in production. */
export type Bot = {
  readonly logFile: string;
  /** With which its evidence is checked: base64 of SPKI. */
  readonly publicKey: string;
  /** Stops it if it runs and starts it again; returns when it takes commands. */
  restart(): Promise<void>;
  /** SIGKILL, to it and to the switch commands it runs. Returns when it has ended. */
  kill(): Promise<void>;
  stop(): Promise<void>;
};

type BotNeed = {
  readonly clusters: Clusters;
  readonly workspace: Workspace;
  readonly aws: Pick<AwsStandIn, "url">;
  readonly ferryFile: string;
  readonly signal?: AbortSignal;
};

const root = fileURLToPath(new URL("../../../", import.meta.url));
const readyDeadlineMs = 60_000;
const stopDeadlineMs = 4000;

/** Starts `src/main.ts` in Socket Mode and waits until it takes commands. Throws with its last lines. */
export async function startBot(need: BotNeed): Promise<Bot> {
  const logFile = join(need.clusters.runFolder.path, "bot.log");
  const keys = signingKeys();
  const service = await startService({
    name: "MSK Ferry",
    command: process.execPath,
    args: ["--disable-warning=TimeoutNegativeWarning", "--max-semi-space-size=8", "src/main.ts"],
    cwd: root,
    env: { ...environment(need), FERRY_SIGNING_KEY: keys.privateKey },
    logFile,
    ready: (output) => output.includes("msk-ferry is ready"),
    readyDeadlineMs,
    ...(need.signal ? { signal: need.signal } : {}),
  });
  return {
    logFile,
    publicKey: keys.publicKey,
    restart: () => service.restart(),
    kill: () => service.kill(),
    stop: () => service.stop(stopDeadlineMs),
  };
}

/** Nothing of this machine's own settings gets in but what a process needs to run. */
function environment({ clusters, workspace, aws, ferryFile }: BotNeed): NodeJS.ProcessEnv {
  const { PATH, HOME, LANG, TZ } = process.env;
  const { security } = clusters.source.admin;
  return {
    ...Object.fromEntries(
      Object.entries({ PATH, HOME, LANG, TZ }).filter(([, value]) => value !== undefined),
    ),
    SLACK_BOT_TOKEN: workspace.tokens.botToken,
    SLACK_APP_TOKEN: workspace.tokens.appToken,
    SLACK_SIGNING_SECRET: workspace.tokens.signingSecret,
    SLACK_API_URL: workspace.apiUrl,
    REDIS_URL: clusters.redis.url,
    FERRY_CONFIG: ferryFile,
    LOG_LEVEL: "info",
    [passwordVariable]: security.protocol === "PLAINTEXT" ? "" : security.password,
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "AKIALABLABLABLABLAB1",
    AWS_SECRET_ACCESS_KEY: "lab",
    AWS_ENDPOINT_URL_KAFKA: aws.url,
    AWS_ENDPOINT_URL_EC2: aws.url,
    AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING: aws.url,
    AWS_ENDPOINT_URL_STS: aws.url,
    AWS_EC2_METADATA_DISABLED: "true",
  };
}

/** Of this lab only: base64 of PKCS#8 and of SPKI. */
function signingKeys(): { readonly privateKey: string; readonly publicKey: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return {
    privateKey: privateKey.export({ format: "der", type: "pkcs8" }).toString("base64"),
    publicKey: publicKey.export({ format: "der", type: "spki" }).toString("base64"),
  };
}
