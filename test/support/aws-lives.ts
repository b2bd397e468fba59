import { createServer, request as forward, type IncomingMessage, type ServerResponse } from "node:http";
import { vi } from "vitest";
import { createNetwork } from "#adapters/ec2.ts";
import { createMsk } from "#adapters/msk.ts";
import { asFerryError } from "#domain/errors.ts";
import type { Store, World } from "#domain/ports.ts";
import type { Outcome, Work } from "#jobs/work.ts";
import { startAws } from "#lab/aws/stand-in.ts";
import { createAwsWork } from "./aws-work.ts";
import { createQuietLog } from "./quiet-log.ts";

/**
 * Jobs against the stand-in through the SDK as it is, in lives that end where a test says: between two calls nothing is
 * left of a life but what is in the store and in AWS.
 */

/**
 * What befalls a life at its `call`-th request to AWS, counted over all lives of a run: it ends before AWS carried the
 * request out, or after; or it lives on and is never answered, nor is any of the SDK's own repetitions.
 */
export type Blow = { readonly call: number; readonly when: "before" | "after" | "unanswered" };

/** Attempts that the SDK makes at one request: `maxAttempts` of awsSettings. */
const sdkAttempts = 3;

type Tally = { calls: string[] };

type Life = {
  readonly url: string;
  /** Resolves when it is dead. */
  readonly ended: Promise<void>;
  isDead(): boolean;
  close(): void;
};

/** A wire to AWS that counts requests and can be cut. */
async function openLife(aws: string, tally: Tally, blow: Blow | undefined): Promise<Life> {
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  let dead = false;
  const server = createServer((incoming, outgoing) => void relay(incoming, outgoing));

  function die(): void {
    dead = true;
    end();
    server.closeAllConnections();
    server.close();
  }

  async function relay(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await bodyOf(incoming);
    if (dead) return void incoming.socket.destroy();
    tally.calls.push(`${incoming.method} ${operationIn(incoming, body)}`);
    const number = tally.calls.length;
    if (blow?.call === number && blow.when === "before") return die();
    const answer = await carryOut(aws, incoming, body);
    if (blow?.call === number && blow.when === "after") return die();
    if (isUnanswered(number, blow)) return void incoming.socket.destroy();
    outgoing.writeHead(answer.status, answer.headers);
    outgoing.end(answer.body);
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    ended,
    isDead: () => dead,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

function isUnanswered(number: number, blow: Blow | undefined): boolean {
  if (blow?.when !== "unanswered") return false;
  return number >= blow.call && number < blow.call + sdkAttempts;
}

/**
 * EC2's action is in the form, MSK's in the path, that of Application Auto Scaling in a header; enough to tell polls apart
 * from the rest.
 */
function operationIn({ url = "", headers }: IncomingMessage, body: string): string {
  const target = headers["x-amz-target"];
  if (typeof target === "string") return target;
  return (
    new URLSearchParams(body).get("Action") ?? url.split("?")[0]?.replaceAll(/arn%3A[^/]*/g, "ARN") ?? url
  );
}

async function bodyOf(message: IncomingMessage): Promise<string> {
  let text = "";
  message.setEncoding("utf8");
  for await (const chunk of message) text += String(chunk);
  return text;
}

type Answer = {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
};

async function carryOut(
  aws: string,
  { url, method, headers }: IncomingMessage,
  body: string,
): Promise<Answer> {
  return await new Promise((resolve, reject) => {
    const sent = forward(`${aws}${url}`, { method, headers }, (answer) => {
      bodyOf(answer).then(
        (text) => resolve({ status: answer.statusCode ?? 500, headers: answer.headers, body: text }),
        reject,
      );
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** A store that a dead process can no longer reach: its calls never return. */
function storeOf(store: Store, life: Life): Store {
  const forever = new Promise<never>(() => {});
  return new Proxy(store, {
    get(target, name, receiver) {
      return life.isDead() ? () => forever : Reflect.get(target, name, receiver);
    },
  });
}

type Changes = Parameters<typeof createAwsWork>[0];

/** One run of a job from nothing, in as many lives as it takes. */
export async function liveThrough(
  job: (work: Work) => Promise<Outcome>,
  changes: Changes,
  options: {
    readonly blow?: Blow;
    readonly before?: (world: Pick<World, "msk" | "network">) => Promise<void>;
    /** A profile of that file of credentials: the source's VPC is reached with it. */
    readonly accepter?: { readonly profile: string; readonly credentialsFile: string };
  } = {},
) {
  const bench = await createAwsWork(changes);
  const aws = await startAws({
    bootstrap: "127.0.0.1:19092",
    timeScale: 1 / 900,
    now: () => bench.clock.now(),
  });
  const tally: Tally = { calls: [] };
  const log = createQuietLog();
  const region = "us-east-1";
  const point = (url: string) => {
    vi.stubEnv("AWS_ENDPOINT_URL_KAFKA", url);
    vi.stubEnv("AWS_ENDPOINT_URL_EC2", url);
    vi.stubEnv("AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING", url);
    vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIALAB");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "lab");
    const own = { msk: createMsk({ region, log }), network: createNetwork({ region, log }) };
    const { accepter } = options;
    if (accepter === undefined) return own;
    vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", accepter.credentialsFile);
    return { ...own, sourceNetwork: createNetwork({ region, profile: accepter.profile, log }) };
  };
  async function begin() {
    const life = await openLife(aws.url, tally, options.blow);
    return { life, world: point(life.url) };
  }

  try {
    await options.before?.(point(aws.url));
    let process = await begin();
    let attempts = 0;
    for (let outcome: Outcome = { kind: "again", ms: 0 }; outcome.kind === "again"; attempts += 1) {
      if (attempts > 300) throw new Error("it never ends");
      await bench.clock.advance(outcome.ms);
      if (process.life.isDead()) process = await begin();
      const { life, world } = process;
      const opened = bench.open();
      const store = storeOf(opened.store, life);
      const work = { ...opened, store, world: { ...opened.world, ...world } };
      outcome = await Promise.race([
        job({ ...work, audit: auditIn(work, store) }).catch(asAgain),
        life.ended.then((): Outcome => ({ kind: "again", ms: 1000 })),
      ]);
    }
    process.life.close();
    return { calls: tally.calls, state: aws.control.state(), recorded: aws.control.calls(), bench };
  } finally {
    vi.unstubAllEnvs();
    await aws.stop();
  }
}

function auditIn(work: Work, store: Store): Work["audit"] {
  return (entry) =>
    store.audit({
      at: new Date(work.clock.now()).toISOString(),
      actor: work.by,
      migration: work.migration.name,
      ...entry,
    });
}

/** What the queue does: a failure that may pass is tried again. */
function asAgain(thrown: unknown): Outcome {
  const error = asFerryError(thrown);
  if (error.retryable) return { kind: "again", ms: 1000 };
  throw thrown;
}

export type Lived = Awaited<ReturnType<typeof liveThrough>>;

/**
 * Every blow at every call of an undisturbed run. What only reads has no effect: a life that ends after it is one that
 * ended before it. Of a row of equal polls the first two are worth it.
 */
export function blowsAt(calls: readonly string[]): readonly Blow[] {
  return calls.flatMap((name, at): readonly Blow[] => {
    if (name === calls[at - 1] && name === calls[at - 2]) return [];
    const call = at + 1;
    if (/^GET|Describe|List/.test(name)) return [{ call, when: "before" }];
    return [
      { call, when: "before" },
      { call, when: "after" },
      { call, when: "unanswered" },
    ];
  });
}
