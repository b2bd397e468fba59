import { z } from "zod";
import { Cluster } from "./journal.ts";
import { startClient, statusOf, stopClient } from "./process.ts";
import { AppSecurity } from "./security.ts";

/** What the `exec` driver runs for the lab's applications. Exit 0 means done; else one line on stderr says why not. */

const Common = z.object({ FERRY_CLIENT: z.string().min(1), FERRY_LAB_APPS: z.string().min(1) });
const Start = Common.extend({
  FERRY_ACTION: z.literal("start"),
  FERRY_ROLE: z.enum(["producer", "consumer"]),
  FERRY_CLUSTER: Cluster,
  FERRY_BOOTSTRAP: z.string().min(1),
  FERRY_SECURITY: z.string().default("{}"),
  FERRY_REQUEST: z.string().min(1),
});
const Order = z.discriminatedUnion("FERRY_ACTION", [
  Common.extend({ FERRY_ACTION: z.literal("stop") }),
  Common.extend({ FERRY_ACTION: z.literal("status") }),
  Start,
]);

async function carryOut(order: z.infer<typeof Order>): Promise<void> {
  const { FERRY_CLIENT: client, FERRY_LAB_APPS: folder } = order;
  if (order.FERRY_ACTION === "start") return await start(order);
  if (order.FERRY_ACTION === "stop") return await stopClient(folder, client);
  process.stdout.write(`${statusOf(folder, client)}\n`);
}

async function start(order: z.infer<typeof Start>): Promise<void> {
  const { FERRY_CLIENT: client, FERRY_LAB_APPS: folder } = order;
  await startClient({
    folder,
    client,
    role: order.FERRY_ROLE,
    cluster: order.FERRY_CLUSTER,
    connection: {
      bootstrap: order.FERRY_BOOTSTRAP.split(","),
      security: AppSecurity.parse(JSON.parse(order.FERRY_SECURITY)),
    },
    request: order.FERRY_REQUEST,
  });
}

function reasonOf(error: unknown): string {
  if (error instanceof z.ZodError) {
    return error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; ");
  }
  return error instanceof Error ? error.message : "failed";
}

// node:sqlite warns on stderr that it is new; the driver shows stderr as the reason of a failure.
process.removeAllListeners("warning");
try {
  await carryOut(Order.parse(process.env));
} catch (error) {
  process.stderr.write(`${reasonOf(error).replaceAll("\n", " ")}\n`);
  process.exitCode = 1;
}
