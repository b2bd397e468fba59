import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { distance } from "fastest-levenshtein";
import { parse as parseYaml, YAMLParseError } from "yaml";
import { z } from "zod";
import { readSigner, type Signer } from "#domain/audit/evidence-key.ts";
import { FerryError } from "#domain/errors.ts";
import { sharedFlows } from "#domain/mirror/shared-flow.ts";
import { FerryFile, type Migration, type Security } from "#domain/settings.ts";
import type { ClusterAccess } from "#domain/topology.ts";

/** The environment: secrets and endpoints. AWS's own variables are read by the AWS SDK. */
export const Environment = z
  .object({
    SLACK_BOT_TOKEN: z.string().startsWith("xoxb-", "expected a bot token that starts with xoxb-"),
    SLACK_SIGNING_SECRET: z.string().min(1).optional(),
    /** Present: Socket Mode. Absent: HTTP on PORT. */
    SLACK_APP_TOKEN: z
      .string()
      .startsWith("xapp-", "expected an app token that starts with xapp-")
      .optional(),
    SLACK_API_URL: z.url().endsWith("/", "expected a URL that ends in /").optional(),
    PORT: z.coerce.number().int().min(1).max(65_535).default(3000),
    REDIS_URL: z.url({ protocol: /^rediss?$/, error: "expected redis://… or rediss://…" }),
    FERRY_CONFIG: z.string().default("./ferry.yaml"),
    /** Signs exported evidence: Ed25519, PEM or base64 of PKCS#8. */
    FERRY_SIGNING_KEY: z.string().optional(),
    FERRY_SIGNING_KEY_FILE: z.string().optional(),
    /** Absent: no metrics. */
    FERRY_METRICS_PORT: z.coerce.number().int().min(1).max(65_535).optional(),
    FERRY_METRICS_HOST: z.string().optional(),
    LOG_LEVEL: z.enum(["debug", "info", "warn", "error"]).default("info"),
  })
  .refine((env) => env.FERRY_SIGNING_KEY === undefined || env.FERRY_SIGNING_KEY_FILE === undefined, {
    path: ["FERRY_SIGNING_KEY_FILE"],
    error: "FERRY_SIGNING_KEY is set too; set one of them",
  })
  .refine((env) => env.SLACK_APP_TOKEN !== undefined || env.SLACK_SIGNING_SECRET !== undefined, {
    path: ["SLACK_SIGNING_SECRET"],
    error: "needed for HTTP mode; set it, or SLACK_APP_TOKEN for Socket Mode",
  });
export type Environment = z.infer<typeof Environment>;

const secretNames = /TOKEN|SECRET|PASSWORD|KEY/;

export type Config = {
  readonly environment: Environment;
  readonly migrations: readonly Migration[];
  /** Absent: evidence is exported unsigned. */
  readonly signer: Signer | undefined;
  /** Reads a secret that ferry.yaml names by its environment variable. */
  secret(variable: string): string;
  /** How to reach a cluster with these settings: secrets and certificate files resolved. */
  access(bootstrap: readonly string[], security: Security): Promise<ClusterAccess>;
  /** PEM of a certificate file that ferry.yaml names under this key. */
  certificate(key: string, path: string): Promise<string>;
};

/** Reads and checks everything once. Fails with `E_SETTINGS`: the key, the value seen, what is allowed. */
export async function loadConfig(variables: Readonly<Record<string, string | undefined>>): Promise<Config> {
  const environment = parseEnvironment(variables);
  const file = await parseFile(environment.FERRY_CONFIG);
  const migrations = Object.entries(file.migrations).map(([name, settings]) => ({ name, settings }));
  refuseSharedChannels(migrations);
  refuseSharedFlows(migrations);

  function secret(variable: string): string {
    const value = variables[variable];
    if (value !== undefined && value !== "") return value;
    throw new FerryError(
      "E_SETTINGS",
      `The environment variable ${variable}, named in ferry.yaml, is not set.`,
    );
  }

  const signer = await loadSigner(environment);
  for (const variable of namedSecrets(migrations)) secret(variable);
  for (const [key, path] of namedCertificates(migrations)) await readCertificate(key, path);

  return {
    environment,
    migrations,
    signer,
    secret,
    access: (bootstrap, security) => resolveAccess(bootstrap, security, secret),
    certificate: readCertificate,
  };
}

async function loadSigner(environment: Environment): Promise<Signer | undefined> {
  const { FERRY_SIGNING_KEY: text, FERRY_SIGNING_KEY_FILE: path } = environment;
  if (path !== undefined) {
    const content = await readFile(resolve(path), "utf8").catch((cause: unknown) => {
      const message = `FERRY_SIGNING_KEY_FILE: saw "${path}"; that file cannot be read.`;
      throw new FerryError("E_SETTINGS", message, { cause });
    });
    return parseSigner("FERRY_SIGNING_KEY_FILE", content);
  }
  return text === undefined ? undefined : parseSigner("FERRY_SIGNING_KEY", text);
}

function parseSigner(name: string, text: string): Signer {
  try {
    return readSigner(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new FerryError("E_SETTINGS", `${name}: a value is set; ${why}.`);
  }
}

/** The process's own environment, for the one place that starts everything. */
export function processEnvironment(): Readonly<Record<string, string | undefined>> {
  return process.env;
}

function parseEnvironment(variables: Readonly<Record<string, string | undefined>>): Environment {
  const set = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== ""));
  const parsed = Environment.safeParse(set);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => {
    const name = issue.path.join(".");
    return `${name}: ${seen(variables[name], name)}; ${issue.message}`;
  });
  throw new FerryError("E_SETTINGS", `The environment is not usable. ${problems.join(". ")}.`);
}

async function parseFile(path: string): Promise<FerryFile> {
  const text = await readFile(resolve(path), "utf8").catch((cause: unknown) => {
    throw new FerryError("E_SETTINGS", `FERRY_CONFIG: ${path} cannot be read.`, { cause });
  });
  const content = readYaml(path, text);
  const parsed = FerryFile.safeParse(content);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.flatMap((issue) => describeIssue(issue, content));
  throw new FerryError("E_SETTINGS", `${path} is not usable. ${problems.join(". ")}.`);
}

function readYaml(path: string, text: string): unknown {
  try {
    return parseYaml(text);
  } catch (cause) {
    const where = cause instanceof YAMLParseError ? cause.message : String(cause);
    throw new FerryError("E_SETTINGS", `${path} is not YAML: ${withoutLogin(where)}`);
  }
}

function describeIssue(issue: z.core.$ZodIssue, content: unknown): readonly string[] {
  const path = issue.path.map(String);
  if (issue.code === "unrecognized_keys") {
    const candidates = knownKeys(path);
    return issue.keys.map((key) => `${[...path, key].join(".")}: unknown key${nearest(key, candidates)}`);
  }
  const value = path.reduce<unknown>(child, content);
  const allowed = issue.code === "invalid_key" ? (issue.issues[0]?.message ?? issue.message) : issue.message;
  return [`${path.join(".") || "the file"}: ${seen(value, path.at(-1) ?? "")}; ${allowed}`];
}

function child(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return Object.entries(value).find(([name]) => name === key)?.[1];
}

function seen(value: unknown, key: string): string {
  if (value === undefined) return "not set";
  if (secretNames.test(key.toUpperCase())) return "a value is set";
  if (typeof value === "object" && value !== null)
    return Array.isArray(value) ? "saw a list" : "saw a section";
  if (typeof value !== "string") return `saw ${JSON.stringify(value)}`;
  // A misspelled URL may have its login anywhere before the @.
  const shown = /url$/i.test(key) ? value.replace(/^(\w+:\/\/)?.*@/s, "$1…@") : withoutLogin(value);
  return `saw ${JSON.stringify(shown)}`;
}

/** Text with `//…@` for the login of each URL in it. */
function withoutLogin(text: string): string {
  return text.replaceAll(/\/\/.*@/g, "//…@");
}

/** Keys that the schema allows at a path; asked of the JSON Schema, so that it cannot drift. */
function knownKeys(path: readonly string[]): readonly string[] {
  const root: unknown = z.toJSONSchema(FerryFile, { io: "input", unrepresentable: "any" });
  const nodes = path.reduce<readonly unknown[]>(
    (found, key) => found.flatMap((node) => descend(node, key)),
    [root],
  );
  return nodes.flatMap(variants).flatMap((node) => Object.keys(object(child(node, "properties"))));
}

function descend(node: unknown, key: string): readonly unknown[] {
  return variants(node).flatMap((variant) => {
    const named = child(child(variant, "properties"), key);
    const next = named ?? child(variant, "additionalProperties") ?? child(variant, "items");
    return next === undefined ? [] : [next];
  });
}

function variants(node: unknown): readonly unknown[] {
  const several = child(node, "anyOf") ?? child(node, "oneOf");
  return Array.isArray(several) ? several.flatMap(variants) : [node];
}

function object(value: unknown): object {
  return typeof value === "object" && value !== null ? value : {};
}

function nearest(word: string, candidates: readonly string[]): string {
  const [best] = [...candidates].sort((a, b) => distance(word, a) - distance(word, b));
  return best === undefined ? "" : `; did you mean ${best}?`;
}

function refuseSharedChannels(migrations: readonly Migration[]): void {
  const owners = new Map<string, string>();
  for (const { name, settings } of migrations) {
    const other = owners.get(settings.channel);
    if (other !== undefined) {
      throw new FerryError(
        "E_SETTINGS",
        `migrations.${name}.channel: saw "${settings.channel}", which ${other} uses; a channel belongs to one migration.`,
      );
    }
    owners.set(settings.channel, name);
  }
}

/** Waves that are planned have no name here: the plan looks again. */
function refuseSharedFlows(migrations: readonly Migration[]): void {
  const named = migrations.map(({ name, settings }) => ({
    migration: name,
    waves: (settings.waves ?? []).map((wave) => wave.name),
  }));
  const found = named.flatMap((one, index) =>
    named
      .slice(0, index)
      .flatMap((other) => sharedFlows(one, other).map((shared) => ({ one, other, shared }))),
  );
  const [first] = found;
  if (first === undefined) return;
  const { one, other, shared } = first;
  throw new FerryError(
    "E_SETTINGS",
    `migrations.${one.migration}.waves: wave ${shared.wave} would have the mirror ${shared.flow}, which is that of wave ${shared.other} of ${other.migration}; name one of them otherwise.`,
  );
}

function namedSecrets(migrations: readonly Migration[]): readonly string[] {
  return migrations.flatMap(({ name, settings }) => {
    const { source, target, replication } = settings;
    const names = securities({ name, settings }).flatMap(([, security]) =>
      "passwordEnv" in security ? [security.passwordEnv] : [],
    );
    if (target.scram) names.push(target.scram.passwordEnv);
    for (const connect of [...source.connect, replication.connect]) {
      if (connect?.passwordEnv !== undefined) names.push(connect.passwordEnv);
    }
    const secrets = settings.clients.flatMap((client) =>
      client.switch.driver === "webhook" ? [client.switch.secretEnv] : [],
    );
    return [...names, ...secrets];
  });
}

/** Certificate files by the key that names them. */
function namedCertificates(migrations: readonly Migration[]): ReadonlyArray<readonly [string, string]> {
  const brokers = migrations
    .flatMap(securities)
    .flatMap(([key, security]) =>
      "caFile" in security && security.caFile !== undefined
        ? [[`${key}.caFile`, security.caFile] as const]
        : [],
    );
  const workers = migrations.flatMap(({ name, settings }) => {
    const named = [
      ["replication.connect", settings.replication.connect?.caFile] as const,
      ...settings.source.connect.map(({ caFile }, at) => [`source.connect.${at}`, caFile] as const),
    ];
    return named.flatMap(([key, caFile]) =>
      caFile === undefined ? [] : [[`migrations.${name}.${key}.caFile`, caFile] as const],
    );
  });
  return [...brokers, ...workers];
}

function securities({ name, settings }: Migration): ReadonlyArray<readonly [string, Security]> {
  const { security, applications } = settings.source;
  const key = `migrations.${name}.source`;
  return [
    [`${key}.security`, security],
    ...(applications ? [[`${key}.applications.security`, applications.security] as const] : []),
  ];
}

async function resolveAccess(
  bootstrap: readonly string[],
  security: Security,
  secret: (variable: string) => string,
): Promise<ClusterAccess> {
  const ca =
    "caFile" in security && security.caFile !== undefined
      ? await readCertificate("caFile", security.caFile)
      : undefined;
  const sasl =
    security.protocol === "SASL_PLAINTEXT" || security.protocol === "SASL_SSL"
      ? {
          mechanism: security.mechanism,
          username: security.username,
          password: secret(security.passwordEnv),
        }
      : undefined;
  return { bootstrap, protocol: security.protocol, ...(sasl && { sasl }), ...(ca !== undefined && { ca }) };
}

async function readCertificate(key: string, path: string): Promise<string> {
  return await readFile(resolve(path), "utf8").catch((cause: unknown) => {
    throw new FerryError("E_SETTINGS", `${key}: saw "${path}"; that file cannot be read.`, { cause });
  });
}
