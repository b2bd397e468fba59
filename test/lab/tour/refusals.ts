import { failureOf, keyOf, nameOf, plain } from "./people.ts";
import { run, type Stage, tell } from "./stage.ts";

/** What AWS refuses in the tour, how the channel explains it, and how an operator of the account mends it. */

type Refusal = {
  readonly command: string;
  /** Faults of the stand-in, as its README has them. */
  readonly cause: object;
  readonly code: string;
  /** What the operator does; for the listener. */
  readonly repair: string;
  readonly mended: object;
};

/** The account may have two brokers: the stand-in's own rule refuses the cluster. */
const tooManyBrokers: Refusal = {
  command: "provision",
  cause: { kind: "quota", name: "brokersPerAccount", value: 2 },
  code: "E_AWS_QUOTA",
  repair: "has the quota of brokers raised to 90",
  mended: { kind: "quota", name: "brokersPerAccount", value: 90 },
};

/** The bot's role lacks one permission: half of the network is made by then. */
const noRoutes: Refusal = {
  command: "network",
  cause: {
    kind: "error",
    operation: "CreateRoute",
    status: 403,
    code: "UnauthorizedOperation",
    message:
      "You are not authorized to perform this operation. User: arn:aws:sts::123456789012:assumed-role/ferry/bot is not authorized to perform: ec2:CreateRoute because no identity-based policy allows the ec2:CreateRoute action",
  },
  code: "E_AWS_ACCESS",
  repair: "adds the statement that the message shows to the bot's policy",
  mended: { kind: "clear" },
};

/** Each step is refused first and goes on after the repair: what it had made is used, nothing is made twice. */
export async function refusedAndMended(stage: Stage, user: string): Promise<void> {
  for (const refusal of [tooManyBrokers, noRoutes]) {
    await arm(stage, refusal.cause);
    await refused(stage, user, refusal);
    stage.say(`the account's operator ${refusal.repair}`);
    await arm(stage, refusal.mended);
    await run(stage, user, refusal.command);
  }
}

async function arm({ lab, signal }: Stage, fault: object): Promise<void> {
  const body = JSON.stringify(fault);
  const { ok, status } = await fetch(`${lab.awsUrl}/_control/fault`, { method: "POST", body, signal });
  if (!ok) throw new Error(`the stand-in took no fault: ${status}`);
}

/** Types the command and waits until its card explains the refusal. Throws when it says anything else. */
async function refused(stage: Stage, user: string, { command, code, repair }: Refusal): Promise<void> {
  const { room, say, refusals } = stage;
  say(`@${nameOf(user)}: /ferry ${command}`);
  const { job, at } = await room.type(user, command);
  const card = await room.await(
    `AWS's refusal of /ferry ${command}`,
    (message) => keyOf(message) === `card:${job}` && failureOf(message) !== undefined,
  );
  const said = plain(card.text);
  if (!said.includes(code))
    throw new Error(`/ferry ${command} should have been refused with ${code}: ${said}`);
  for (const line of said.split("\n").slice(0, 4)) tell(stage, line);
  stage.steps.push({ name: `${command}, refused by AWS`, ms: Date.now() - at });
  refusals.push({ step: command, code, said, repair });
}
