import { existsSync, readFileSync } from "node:fs";
import { glob, readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { parse as parseYaml } from "yaml";
import { z } from "zod";
import { usages } from "#commands/index.ts";
import { Environment } from "#config";
import { catalogue } from "#domain/errors.ts";
import { FerryFile } from "#domain/settings.ts";

const root = fileURLToPath(new URL("../", import.meta.url));
const readme = read("README.md");

function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

/** The part below a heading, up to the next heading of the same level. */
function section(text: string, heading: string): string {
  const level = heading.split(" ")[0] ?? "#";
  const [, after = ""] = text.split(`\n${heading}\n`);
  return after.split(`\n${level} `)[0] ?? "";
}

/** Rows of the first table in a text, without its head; cells trimmed. */
function tableRows(text: string): readonly (readonly string[])[] {
  return text
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .slice(2)
    .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|")))
    .map((cells) => cells.slice(1, -1));
}

function code(text: string): string {
  return `\`${text}\``;
}

describe("the README", () => {
  test("has the commands of the table they are dispatched from", () => {
    const audiences = { anyone: "everybody", members: "members" };
    expect(tableRows(section(readme, "## Commands"))).toEqual(
      usages.map(({ usage, summary, who }) => [code(`/ferry ${usage}`), summary, audiences[who]]),
    );
  });

  test("has the variables that the bot reads, with their defaults", () => {
    const { properties = {}, required = [] } = z.toJSONSchema(Environment, { io: "input" });
    const rows = tableRows(section(readme, "## Settings")).map(([name, standard]) => [name, standard]);
    expect(rows).toEqual(
      Object.entries(properties).map(([name, schema]) => [code(name), standardOf(schema, name, required)]),
    );
  });

  test("names a test for each of five promises", () => {
    const promises = section(readme, "## Promises")
      .split(/\n(?=\d\. )/)
      .slice(1);
    expect(promises).toHaveLength(5);
    const tests = promises.map((promise) => [...promise.matchAll(/\]\(([^)]+\.test\.ts)\)/g)]);
    expect(tests.filter((found) => found.length === 0)).toEqual([]);
    const absent = tests.flat().filter(([, path = ""]) => !existsSync(join(root, path)));
    expect(absent.map(([, path]) => path)).toEqual([]);
  });

  test("says for each of nine steps which command does it", () => {
    const rows = tableRows(section(readme, "## The nine steps"));
    expect(rows).toHaveLength(9);
    const names = usages.map(({ name }) => name);
    const mentioned = rows.flatMap(([, commands = ""]) => [...commands.matchAll(/`([a-z]+)[^`]*`/g)]);
    expect(mentioned.length).toBeGreaterThanOrEqual(9);
    expect(mentioned.map(([, name = ""]) => name).filter((name) => !names.includes(name))).toEqual([]);
  });
});

test("each job that tells its step tells the README's number", () => {
  const rows = tableRows(section(readme, "## The nine steps"));
  const told = rows.flatMap(([step = "", , jobs = ""]) =>
    [...jobs.matchAll(/\]\((jobs\/[^)]+)\)/g)].flatMap(([, path = ""]) =>
      [...read(path).matchAll(/\bStep (\d+):/g)].map(([, number]) => ({ path, number, wanted: step[0] })),
    ),
  );
  expect(told.length).toBeGreaterThan(3);
  expect(told.filter(({ number, wanted }) => number !== wanted)).toEqual([]);
});

describe("the other pages", () => {
  test("errors.md has one heading per code, and says truly whether it retries", () => {
    const text = read("docs/errors.md");
    const headings = [...text.matchAll(/^## (\S+)$/gm)].map(([, heading]) => heading);
    expect(headings).toEqual(Object.keys(catalogue));
    const wrong = Object.entries(catalogue).filter(([name, { retryable }]) => {
      const [what = "", ...rest] = section(text, `## ${name}`).trim().split("\n");
      const retries = rest.includes(`- Retries by itself: ${retryable ? "yes" : "no"}`);
      const remedies = rest.filter((line) => line.startsWith("- Do: "));
      return what.length < 20 || remedies.length !== 1 || !retries;
    });
    expect(wrong).toEqual([]);
  });

  test("errors.md and the catalogue have no code that nothing gives", async () => {
    const given = new Set(
      (await sources()).flatMap((text) => [...text.matchAll(/"(E_[A-Z_]+)"/g)].map(([, name]) => name)),
    );
    expect(Object.keys(catalogue).filter((name) => !given.has(name))).toEqual([]);
  });

  test("settings.md has the keys of the schema, with their defaults", () => {
    const rows = tableRows(section(read("docs/settings.md"), "## ferry.yaml"));
    const file = Node.parse(z.toJSONSchema(FerryFile, { io: "input", unrepresentable: "any" }));
    const migration = file.properties?.["migrations"]?.additionalProperties;
    expect(Object.fromEntries(rows.map(([key = "", standard]) => [key, standard]))).toEqual(
      Object.fromEntries([...leaves(migration, "")].map(([key, { standard }]) => [code(key), standard])),
    );
  });

  test("settings.md tells what a switch command is given", () => {
    const rows = tableRows(section(read("docs/settings.md"), "## What a switch command is told"));
    const given = read("src/adapters/clients/exec.ts").matchAll(/FERRY_[A-Z]+(?=:)/g);
    expect(new Set(rows.map(([name]) => name))).toEqual(new Set([...given].map(([name]) => code(name))));
  });

  test("ferry.example.yaml is usable and shows every key, in comments where it is an alternative", () => {
    const text = read("ferry.example.yaml");
    expect(FerryFile.parse(parseYaml(text)).migrations).toHaveProperty("orders");
    const file = Node.parse(z.toJSONSchema(FerryFile, { io: "input", unrepresentable: "any" }));
    const keys = [...leaves(file.properties?.["migrations"]?.additionalProperties, "").keys()];
    const words = keys.flatMap((key) => key.replaceAll("[]", "").split("."));
    expect([...new Set(words)].filter((word) => !new RegExp(`\\b${word}:`).test(text))).toEqual([]);
  });

  test(".env.example sets what the bot reads, and ferry.example.yaml's passwords", () => {
    const text = read(".env.example");
    const { properties = {} } = z.toJSONSchema(Environment, { io: "input" });
    const fromFile = [...read("ferry.example.yaml").matchAll(/^ +passwordEnv: (\w+)/gm)].map(
      ([, name]) => name,
    );
    const wanted = [...Object.keys(properties), ...fromFile].filter((name) => name !== "SLACK_API_URL");
    expect(wanted.filter((name) => !new RegExp(`^${name}=`, "m").test(text))).toEqual([]);
  });

  test("CONTRIBUTING.md stays under 80 lines", () => {
    expect(read("CONTRIBUTING.md").trimEnd().split("\n").length).toBeLessThan(80);
  });

  test("CONTRIBUTING.md names every folder of jobs/, and no other", async () => {
    const [line = ""] = /^- `jobs\/`[^]*?(?=^- )/m.exec(read("CONTRIBUTING.md")) ?? [];
    const named = [...line.matchAll(/`(\w+\/)`/g)]
      .map(([, folder]) => folder)
      .filter((name) => name !== "jobs/");
    const files = await Array.fromAsync(glob("jobs/*/*.ts", { cwd: root }));
    expect(new Set(named)).toEqual(new Set(files.map((path) => `${path.split("/")[1]}/`)));
  });

  test("glossary.md explains each word once", () => {
    const words = read("docs/glossary.md").matchAll(/^\| (?!word )([^-|].*?) +\|/gm);
    const seen = [...words].flatMap(([, cell = ""]) => cell.split(", "));
    expect(seen.length).toBeGreaterThan(40);
    expect(seen.filter((word, index) => seen.indexOf(word) !== index)).toEqual([]);
  });

  test("CHANGELOG.md begins with what is unreleased", () => {
    expect([...read("CHANGELOG.md").matchAll(/^## (.+)$/gm)][0]?.[1]).toBe("Unreleased");
  });

  test("each decision says context, decision, consequences, and numbers have no gap", async () => {
    const files = (await Array.fromAsync(glob("docs/decisions/*.md", { cwd: root }))).sort();
    expect(files.map((file) => Number(file.slice(15, 19)))).toEqual(files.map((_, index) => index + 1));
    const headings = files.map((file) =>
      [...read(file).matchAll(/^## (.+)$/gm)].map(([, heading]) => heading),
    );
    expect(headings).toEqual(files.map(() => ["Context", "Decision", "Consequences"]));
  });
});

describe("all pages", () => {
  test("name only commands and error codes that exist", async () => {
    const names = new Set(usages.map(({ name }) => name));
    const codes = new Set(Object.keys(catalogue));
    const unknown = (await pages()).flatMap(({ path, text }) => [
      ...[...text.matchAll(/`\/ferry ([a-z][a-z-]*)/g)]
        .filter(([, name = ""]) => !names.has(name))
        .map(([word]) => `${path}: ${word}`),
      ...[...text.matchAll(/\bE_[A-Z_]+\b/g)]
        .filter(([code]) => !codes.has(code))
        .map(([code]) => `${path}: ${code}`),
    ]);
    expect(unknown).toEqual([]);
  });

  test("link only to files and headings that exist", async () => {
    const broken = (await pages()).flatMap(({ path, text }) =>
      linksIn(text)
        .filter((link) => !leadsSomewhere(path, link))
        .map((link) => `${path}: ${link}`),
    );
    expect(broken).toEqual([]);
  });

  test("name no folder of somebody's machine", async () => {
    const found = (await pages()).flatMap(({ path, text }) =>
      [...text.matchAll(/\/(?:home|Users|root|work)\/\S*/g)].map(([place]) => `${path}: ${place}`),
    );
    expect(found).toEqual([]);
  });
});

/** The product's files, without what they only compare with. */
async function sources(): Promise<readonly string[]> {
  const paths = await Array.fromAsync(glob("{src,commands,jobs}/**/*.ts", { cwd: root }));
  return paths.map((path) => read(path).replaceAll(/[!=]== "\w+"/g, ""));
}

async function pages(): Promise<readonly { readonly path: string; readonly text: string }[]> {
  const own = [
    "*.md",
    "{docs,docker,test}/**/*.md",
    "ferry.example.yaml",
    "docker-compose.yml",
    ".env.example",
  ];
  const paths = await Array.fromAsync(glob(own, { cwd: root }));
  return await Promise.all(
    paths.map(async (path) => ({ path, text: await readFile(join(root, path), "utf8") })),
  );
}

function linksIn(text: string): readonly string[] {
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link = ""]) => link)
    .filter((link) => !/^[a-z]+:/.test(link));
}

function leadsSomewhere(from: string, link: string): boolean {
  const [path = "", heading] = link.split("#");
  const target = path === "" ? join(root, from) : resolve(root, dirname(from), path);
  if (!existsSync(target)) return false;
  if (heading === undefined) return true;
  return anchors(readFileSync(target, "utf8")).includes(heading);
}

/** As GitHub makes them of headings. */
function anchors(text: string): readonly string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

/** What the walk needs of a JSON Schema. */
type Node = {
  readonly properties?: Readonly<Record<string, Node>> | undefined;
  readonly required?: readonly string[] | undefined;
  readonly additionalProperties?: Node | undefined;
  readonly items?: Node | undefined;
  readonly anyOf?: readonly Node[] | undefined;
  readonly oneOf?: readonly Node[] | undefined;
  readonly default?: unknown;
};
const Node: z.ZodType<Node> = z.lazy(() =>
  z.object({
    properties: z.record(z.string(), Node).optional(),
    required: z.array(z.string()).optional(),
    additionalProperties: Node.optional().catch(undefined),
    items: Node.optional(),
    anyOf: z.array(Node).optional(),
    oneOf: z.array(Node).optional(),
    default: z.unknown().optional(),
  }),
);

type Leaf = { readonly standard: string };

/** Keys that hold a value, by path; "a[].b" inside a list. A page may explain one branch by another. */
function leaves(node: Node | undefined, path: string): ReadonlyMap<string, Leaf> {
  const found = new Map<string, Leaf>();
  for (const variant of variants(node)) {
    for (const [name, child] of Object.entries(variant.properties ?? {})) {
      const key = path === "" ? name : `${path}.${name}`;
      const below = key === explainedElsewhere ? new Map<string, Leaf>() : leaves(child, key);
      for (const [each, leaf] of below) found.set(each, merge(found.get(each), leaf));
      if (below.size > 0) continue;
      found.set(key, merge(found.get(key), { standard: standardOf(child, name, variant.required ?? []) }));
    }
    for (const [each, leaf] of leaves(variant.items, `${path}[]`)) found.set(each, leaf);
  }
  return found;
}

const explainedElsewhere = "source.applications.security";

function variants(node: Node | undefined): readonly Node[] {
  return node === undefined ? [] : [node, ...(node.anyOf ?? []), ...(node.oneOf ?? [])];
}

function merge(one: Leaf | undefined, other: Leaf): Leaf {
  if (one === undefined || one.standard === other.standard || other.standard === "") return one ?? other;
  if (one.standard === "") return other;
  return { standard: `${one.standard.slice(0, -1)} or ${other.standard.slice(1)}` };
}

/** As the tables show it: the default, "required", or nothing where the key may be left out. */
function standardOf(schema: unknown, name: string, required: readonly string[]): string {
  const { default: standard } = z
    .object({ default: z.unknown() })
    .catch({ default: undefined })
    .parse(schema);
  if (standard !== undefined) return code(JSON.stringify(standard).replaceAll('"', ""));
  return required.includes(name) ? "required" : "";
}
