import { type ChildProcess, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { FerryError } from "#domain/errors.ts";
import type { ClientDriver, ClientPlace, Log } from "#domain/ports.ts";
import type { Client, SwitchDriver } from "#domain/settings.ts";
import { type ClusterAccess, type Known, known, unknown } from "#domain/topology.ts";

type ExecSettings = Extract<SwitchDriver, { driver: "exec" }>;

/**
 * Stops and starts an application by a command of its team, run without a shell. The command learns what to do from
 * FERRY_ACTION (stop, start, status), FERRY_CLIENT, FERRY_ROLE, FERRY_CLUSTER, FERRY_BOOTSTRAP, FERRY_SECURITY (JSON,
 * without passwords) and FERRY_REQUEST (the same for a repeated call). Exit 0 means done; `status` prints `stopped`,
 * `source` or `target`. Fails with `E_CLIENT_DRIVER`, naming the exit code and the last line of its errors.
 */
export function createExecDriver(
  client: Client,
  settings: ExecSettings,
  inherited: Readonly<Record<string, string | undefined>>,
  log: Log,
): ClientDriver {
  async function call(action: string, extra: Readonly<Record<string, string>>): Promise<string> {
    const [command = "", ...args] = settings.command;
    const env = {
      ...inherited,
      ...settings.environment,
      ...extra,
      ...identity(client),
      FERRY_ACTION: action,
    };
    log.info({ client: client.name, action, command }, "calling the switch command");
    return await run({ command, args, env, timeoutMs: settings.timeout, what: `${client.name}: ${action}` });
  }

  return {
    async stop(request) {
      await call("stop", { FERRY_REQUEST: request });
    },
    async start(place, access, request) {
      await call("start", { ...clusterOf(place, access), FERRY_REQUEST: request });
    },
    async status() {
      return parsePlace(await call("status", {}));
    },
  };
}

function identity(client: Client): Record<string, string> {
  return { FERRY_CLIENT: client.name, FERRY_ROLE: client.role };
}

function clusterOf(place: "source" | "target", access: ClusterAccess): Record<string, string> {
  const { protocol, sasl } = access;
  const security = { protocol, ...(sasl && { mechanism: sasl.mechanism, username: sasl.username }) };
  return {
    FERRY_CLUSTER: place,
    FERRY_BOOTSTRAP: access.bootstrap.join(","),
    FERRY_SECURITY: JSON.stringify(security),
  };
}

function parsePlace(output: string): Known<ClientPlace> {
  const word = output.trim().split("\n").at(-1)?.trim();
  if (word === "stopped" || word === "source" || word === "target") return known(word);
  return unknown(`the command printed "${word ?? ""}" instead of stopped, source or target`);
}

type Call = {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly timeoutMs: number;
  readonly what: string;
};

/** A process group of its own, so that the deadline ends what the command started as well. */
async function run(call: Call): Promise<string> {
  const child = spawn(call.command, call.args, {
    env: call.env,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const stdout = tail(child.stdout);
  const stderr = tail(child.stderr);
  let late = false;
  const deadline = setTimeout(() => {
    late = true;
    killGroup(child.pid);
  }, call.timeoutMs);
  const [code, cause] = await ended(child);
  clearTimeout(deadline);
  if (code === 0 && !late) return stdout();
  const how = late ? `did not end within ${call.timeoutMs / 1000} s` : `ended with ${code}`;
  const lastLine = stderr().trim().split("\n").at(-1) ?? "";
  const said = lastLine === "" ? "" : `: ${lastLine.slice(0, 300)}`;
  throw new FerryError("E_CLIENT_DRIVER", `${call.what} ${how}${said}.`, { cause });
}

/** What still comes through the pipes after the command has ended, when something it left running holds them open. */
const lastWordsMs = 200;

/** Exit code or signal, or why it could not be started. */
function ended(child: ChildProcess): Promise<readonly [number | string, unknown]> {
  const { promise, resolve } = Promise.withResolvers<readonly [number | string, unknown]>();
  child.once("error", (error: NodeJS.ErrnoException) => resolve([error.code ?? error.message, error]));
  child.once("close", (code, signal) => resolve([code ?? signal ?? "?", undefined]));
  child.once("exit", (code, signal) => {
    setTimeout(() => {
      child.stdout?.destroy();
      child.stderr?.destroy();
      resolve([code ?? signal ?? "?", undefined]);
    }, lastWordsMs).unref();
  });
  return promise;
}

/** The last mebibyte of what was printed. */
function tail(stream: Readable): () => string {
  let text = "";
  stream.setEncoding("utf8").on("data", (chunk: string) => {
    text = (text + chunk).slice(-1024 * 1024);
  });
  return () => text;
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It ended at this very moment.
  }
}
