import { createHmac } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { z } from "zod";

const Order = z.object({
  action: z.enum(["stop", "start", "status"]),
  client: z.string(),
  role: z.string(),
  request: z.string().optional(),
  cluster: z.enum(["source", "target"]).optional(),
  bootstrap: z.string().optional(),
  security: z.object({}).loose().optional(),
});
type Order = z.infer<typeof Order>;

export type Told = {
  readonly order: Order;
  readonly body: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
};

/** A team's own switch service: checks the signature, works for a while, does each request once. */
export type FakeWebhook = {
  readonly url: string;
  readonly told: readonly Told[];
  /** How often it really moved the application. */
  moves(): number;
  refuse(refusing: boolean): void;
  /** How many polls a stop or start takes from now on: 0 is done at once. */
  takes(polls: number): void;
  /** Answers the next calls with this instead. */
  answer(
    answer: { readonly status: number; readonly body?: string; readonly location?: string } | undefined,
  ): void;
  close(): Promise<void>;
};

export async function startFakeWebhook(secret: string): Promise<FakeWebhook> {
  const told: Told[] = [];
  const under = new Map<string, number>();
  let place = "source";
  let moves = 0;
  let polls = 0;
  let refusing = false;
  let fixed: Parameters<FakeWebhook["answer"]>[0];

  function carryOut({ action, request = "", cluster }: Order): readonly [number, object | string] {
    if (action === "status" && request === "") return [200, { place }];
    if (refusing && action !== "status") return [503, "switching is closed"];
    if (action !== "status" && !under.has(request)) {
      under.set(request, polls);
      moves += 1;
      place = action === "stop" ? "stopped" : (cluster ?? "?");
    }
    const left = under.get(request) ?? 0;
    under.set(request, left - 1);
    return left > 0 ? [202, { state: "under way" }] : [200, { place }];
  }

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const { headers } = request;
    const signed = createHmac("sha256", secret).update(`v1:${String(headers["ferry-timestamp"])}:${body}`);
    if (headers["ferry-signature"] !== `v1=${signed.digest("hex")}`) {
      response.writeHead(401).end("wrong signature");
      return;
    }
    const order = Order.parse(JSON.parse(body));
    told.push({ order, body, headers });
    if (fixed !== undefined) {
      const { status, body = "", location } = fixed;
      response.writeHead(status, location === undefined ? {} : { location }).end(body);
      return;
    }
    const [status, answer] = carryOut(order);
    response.writeHead(status).end(typeof answer === "string" ? answer : JSON.stringify(answer));
  }
  const server = createServer((request, response) => void respond(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;

  return {
    url: `http://127.0.0.1:${port}/ferry`,
    told,
    moves: () => moves,
    refuse(next) {
      refusing = next;
    },
    takes(next) {
      polls = next;
    },
    answer(next) {
      fixed = next;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
