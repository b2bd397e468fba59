import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { keepLogs, type Lab, startLab } from "./environment.ts";
import { onInterrupt } from "./interrupt.ts";
import { playTour } from "./tour/tour.ts";

/** `npm run demo`: the lab with the bot in it, for a person at a browser or, with `--tour`, by itself. */

const help = `npm run demo                        starts the lab and the bot, prints the page's address, stays until Ctrl-C
npm run demo -- --tour              plays a whole migration; exit code 0 only if nothing was lost or read twice
npm run demo -- --tour full         the same, with requests that expire, are denied, withdrawn, void and on hold
  --json FILE   writes the tour's final check
  --keep        keeps the logs of the run
  --port N      port of the page; a free one when absent
  --help        prints this
`;

type Options = {
  readonly tour: "short" | "full" | undefined;
  readonly json: string | undefined;
  readonly keep: boolean;
  readonly port: number | undefined;
};

/** Undefined: help was asked for, or what was typed is not known; that has been said. */
function readOptions(): Options | undefined {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        tour: { type: "boolean", default: false },
        json: { type: "string" },
        keep: { type: "boolean", default: false },
        port: { type: "string" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    const { tour, json, keep, port } = values;
    if (!values.help) {
      const length = lengthOf(tour, positionals);
      if (json !== undefined && !tour) throw new Error("--json FILE needs --tour");
      return { tour: length, json, keep, port: readPort(port) };
    }
    process.stdout.write(help);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
    process.exitCode = 2;
  }
  return undefined;
}

function readPort(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new Error(`--port ${text} is not a port`);
}

function lengthOf(tour: boolean, words: readonly string[]): Options["tour"] {
  const [word, stray] = words;
  if (word === undefined) return tour ? "short" : undefined;
  if (tour && word === "full" && stray === undefined) return "full";
  throw new Error(`"${stray ?? word}" is not known here`);
}

const began = Date.now();

function say(line: string): void {
  const seconds = ((Date.now() - began) / 1000).toFixed(1).padStart(6);
  process.stdout.write(`${seconds} s  ${line}\n`);
}

/** KafkaJS computes negative timeouts, which Node 24 remarks on. */
function onWarning(warning: Error): void {
  if (warning.name !== "TimeoutNegativeWarning")
    process.stderr.write(`${warning.name}: ${warning.message}\n`);
}

async function main(options: Options, signal: AbortSignal): Promise<boolean> {
  say("starting Kafka, MSK's stand-in, Connect, Redis and a Slack workspace");
  await using lab = await startLab({
    log: say,
    signal,
    ...(options.port !== undefined && { port: options.port }),
  });
  say(`the channel: ${lab.pageUrl}`);
  try {
    if (options.tour !== undefined) return await tour(lab, options, signal);
    await stayUp(signal);
    return true;
  } finally {
    if (options.keep) await keepLogs(lab, "asked for with --keep", say);
    if (!signal.aborted) say("stopping");
  }
}

async function tour(lab: Lab, { tour: length, json, keep }: Options, signal: AbortSignal): Promise<boolean> {
  try {
    const { report, failures } = await playTour(lab, { say, signal, full: length === "full" });
    if (json !== undefined) await writeFile(json, `${JSON.stringify(report, undefined, 2)}\n`);
    for (const failure of failures) say(`✗ ${failure}`);
    if (!report.ok && !keep) await keepLogs(lab, failures.join("; "), say);
    return report.ok;
  } catch (error) {
    if (!signal.aborted && !keep) await keepLogs(lab, String(error), say);
    throw error;
  }
}

async function stayUp(signal: AbortSignal): Promise<void> {
  process.stdout.write(`
Open the address in a browser. You are @ana; the list at the bottom left makes you somebody else.
Type in the channel, one after the other:

  /ferry assess              what is there                /ferry cutover consumers billing
  /ferry plan                what will be done            … then ✅ as @ben and as @cleo (@ana asked)
  /ferry provision           creates the MSK cluster      /ferry cutover producers billing
  /ferry network             connects the two             /ferry rollback billing
  /ferry replicate start     mirrors every topic          /ferry status, and at the end /ferry cleanup

Ctrl-C stops everything and leaves nothing behind.

`);
  const stopped = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => stopped.resolve(), { once: true });
  if (!signal.aborted) await stopped.promise;
}

process.removeAllListeners("warning");
process.on("warning", onWarning);
const options = readOptions();
if (options !== undefined) {
  const signal = onInterrupt(say);
  try {
    const ok = await main(options, signal);
    process.exit(ok ? 0 : 1);
  } catch (error) {
    if (signal.aborted) process.exit(130);
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}
