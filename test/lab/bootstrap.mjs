// Runs before `npm run demo`, `npm test` and `npm start`, on whatever Node the machine has (18 or newer), so without
// packages and without TypeScript. Names what is missing, installs the npm packages when they are not those of the lock
// file, and makes sure that npm scripts get Node 24. Silent when there is nothing to do.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = fileURLToPath(new URL("../../", import.meta.url));
const neededNode = 24;
const neededJava = 17;

class Missing extends Error {}

try {
  await main();
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

async function main() {
  const only = onlyOption();
  if (Number(process.versions.node.split(".")[0]) < 18) {
    throw new Missing(
      `npm runs on Node ${process.versions.node}; Node 20 or newer is needed: https://nodejs.org/en/download`,
    );
  }
  if (only !== "npm") checkTools();
  await installPackages();
  checkNode();
}

function onlyOption() {
  let only;
  try {
    only = parseArgs({ options: { only: { type: "string" } } }).values.only;
  } catch (error) {
    throw new Missing(`bootstrap: ${error.message}`);
  }
  if (only !== undefined && only !== "npm")
    throw new Missing(`bootstrap: --only ${only} is not known; allowed: npm`);
  return only;
}

function checkTools() {
  const missing = [javaProblem(), mavenProblem()].filter((problem) => problem !== undefined);
  if (missing.length === 0) return;
  throw new Missing(`The lab cannot start yet.\n\n${missing.join("\n\n")}`);
}

function javaProblem() {
  const printed = output("java", ["-version"]);
  const [, first, second] = /version "(\d+)(?:\.(\d+))?/.exec(printed ?? "") ?? [];
  // Java 8 calls itself 1.8.
  const major = Number(first === "1" ? second : first);
  if (major >= neededJava) return undefined;
  const found = printed === undefined || Number.isNaN(major) ? "not found" : `found ${major}`;
  return instructions(`Java ${neededJava} or newer: ${found}.`, {
    debian: "sudo apt-get install -y default-jdk-headless",
    macos: "brew install --cask temurin@21",
  });
}

function mavenProblem() {
  if (output("mvn", ["--version"]) !== undefined) return undefined;
  return instructions("Maven: not found.", {
    debian: "sudo apt-get install -y maven",
    macos: "brew install maven",
  });
}

function instructions(what, { debian, macos }) {
  return `${what}\n  Debian: ${debian}\n  macOS:  ${macos}`;
}

/** What a command prints, or undefined when it is not there or fails. */
function output(command, args, { env = process.env } = {}) {
  const { error, status, stdout, stderr } = spawnSync(command, args, {
    encoding: "utf8",
    env,
    timeout: 60_000,
  });
  if (error || status !== 0) return undefined;
  return `${stdout}${stderr}`;
}

/** npm writes its own copy of the lock file last; one older than ours, or none, means the packages are not ours. */
function packagesAreCurrent() {
  const installed = join(root, "node_modules", ".package-lock.json");
  return (
    existsSync(installed) && statSync(installed).mtimeMs >= statSync(join(root, "package-lock.json")).mtimeMs
  );
}

async function installPackages() {
  if (packagesAreCurrent()) return;
  const started = Date.now();
  const progress = setInterval(() => say(`installing npm packages, ${secondsSince(started)} so far`), 5000);
  try {
    say("installing npm packages (npm ci)");
    const failed = await npm(["ci"]);
    if (failed !== undefined) throw new Missing(`npm ci failed:\n${failed}`);
  } finally {
    clearInterval(progress);
  }
  say(`installed npm packages in ${secondsSince(started)}`);
}

/** Undefined when npm succeeds, else the beginning of what it says. */
async function npm(args) {
  const path = process.env.npm_execpath;
  const [command, ...before] = path?.endsWith("js") ? [process.execPath, path] : ["npm"];
  const child = spawn(command, [...before, ...args, "--loglevel=error"], {
    cwd: root,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let messages = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    messages += text;
  });
  try {
    const [status] = await once(child, "close");
    return status === 0 ? undefined : messages.trim().split("\n").slice(0, 12).join("\n");
  } catch (error) {
    throw new Missing(`npm cannot be started: ${error.message}`);
  }
}

function say(line) {
  process.stderr.write(`${line}\n`);
}

function secondsSince(started) {
  return `${((Date.now() - started) / 1000).toFixed(0)} s`;
}

/** npm looks for `node` in node_modules/.bin first; the optional packages node-<platform> put Node 24 there. */
function checkNode() {
  const path = `${join(root, "node_modules", ".bin")}${delimiter}${process.env.PATH ?? ""}`;
  const version = output("node", ["--version"], { env: { ...process.env, PATH: path } })?.trim();
  if (Number(/^v(\d+)/.exec(version ?? "")?.[1]) >= neededNode) return;
  const problem =
    `npm scripts would run on Node ${version?.slice(1) ?? "(none)"}, and Node ${neededNode} is needed. ` +
    `The optional package that brings it (node-${process.platform}-${process.arch} or the like) is not installed.`;
  throw new Missing(
    [
      problem,
      "  If npm was told to omit optional packages: npm ci --include=optional",
      instructions(`  Where there is no such package, install Node ${neededNode}:`, {
        debian: `curl -fsSL https://deb.nodesource.com/setup_${neededNode}.x | sudo -E bash - && sudo apt-get install -y nodejs`,
        macos: `brew install node@${neededNode} && brew link --overwrite node@${neededNode}`,
      }),
    ].join("\n"),
  );
}
