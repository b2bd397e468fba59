import * as fc from "fast-check";
import { isFinal, type Request } from "#domain/approval/approval.ts";
import { listRequests } from "#jobs/approval/request-store.ts";
import { glassBreakers, type Outside, type PortFault, type Rules, requester } from "./approval-model.ts";
import {
  change,
  crash,
  createPlay,
  dueJobs,
  enqueue,
  goOn,
  type Play,
  startJob,
  stoppedAttempts,
} from "./approval-play.ts";

/** What happens in a play: small steps in any order, by people, by Slack, by the world and by the two processes. */

const voters = [
  "UBEN",
  "UCAT",
  "UDAN",
  "UBEN",
  "UCAT",
  "UDAN",
  "UANA",
  "UAN2",
  "UBE2",
  "UEVE",
  "UGUEST",
  "UBOT",
  "UFAR",
  "UGONE",
] as const;
const emoji = [
  "white_check_mark",
  "white_check_mark",
  "white_check_mark",
  "white_check_mark",
  "white_check_mark::skin-tone-3",
  "+1",
  "x",
  "x::skin-tone-2",
  "raised_hand::skin-tone-4",
] as const;
const budgets = [1_000, 1_000, 1_000, 1_000, 1, 2, 3, 5, 8, 12, 20];
const pauses = [200, 1000, 20_000, 70_000, 600_000, 1_500_000, 3_000_000];
const changing = ["UBEN", "UCAT", "UDAN", "UBOT"];

const kinds = [
  "react",
  "react",
  "react",
  "react",
  "react",
  "react",
  "unreact",
  "deliver",
  "deliver",
  "deliver",
  "lose",
  "duplicate",
  "work",
  "work",
  "work",
  "work",
  "work",
  "go",
  "go",
  "go",
  "crash",
  "sweep",
  "wait",
  "wait",
  "facts",
  "people",
  "list",
  "cancel",
  "break",
  "ask",
  "delete",
  "silence",
] as const;

export type Step = readonly [kind: (typeof kinds)[number], a: number, b: number];

const fromUben: Step = ["react", 0, 0];
const fromUcat: Step = ["react", 1, 0];
const fromUdan: Step = ["react", 2, 0];
const reviewed: Step = ["deliver", 0, 0];

/** How far it has got before anything unusual happens. */
const beginnings: ReadonlyArray<readonly Step[]> = [
  [],
  [fromUben, reviewed],
  [fromUben, fromUcat],
  [fromUben, fromUcat, fromUdan, reviewed],
  [fromUben, fromUdan, reviewed],
];

export const steps: fc.Arbitrary<readonly Step[]> = fc
  .tuple(
    fc.constantFrom(...beginnings),
    fc.array(fc.tuple(fc.constantFrom(...kinds), fc.nat(27), fc.nat(27)), {
      minLength: 1,
      maxLength: 15,
      size: "max",
    }),
  )
  .map(([beginning, more]) => [...beginning, ...more]);

export const rulesOf: fc.Arbitrary<Rules> = fc.record({
  roles: fc.constantFrom(false, false, true),
  scheduled: fc.constantFrom(false, false, true),
  quorum: fc.constantFrom(2, 2, 2, 3),
});

function pick<T>(from: readonly T[], index: number): T | undefined {
  return from[index % from.length];
}

/** Plays it to its end and returns what was wrong about it; nothing when everything was right. */
export async function played(
  rules: Rules,
  all: readonly Step[],
  fault?: PortFault,
  atItsEnd?: (play: Play) => void,
): Promise<readonly string[]> {
  const play = createPlay(rules, fault);
  enqueue(play, { name: "ask", by: requester }, { id: "ask-1" });
  await runDue(play);
  const hints: string[] = [];
  for (const step of all) {
    await moves[step[0]](play, step, hints);
    if (play.wrong.length > 0) return play.wrong;
  }
  await calm(play);
  atItsEnd?.(play);
  return [...play.wrong, ...(await leftUndone(play))];
}

type Move = (play: Play, step: Step, hints: string[]) => Promise<void>;

const moves: Readonly<Record<Step[0], Move>> = {
  react: async (play, step, hints) => react(play, step, hints, true),
  unreact: async (play, step, hints) => react(play, step, hints, false),
  lose: async (_play, _step, hints) => void hints.shift(),
  deliver: (play, step, hints) => deliver(play, step, hints, true),
  duplicate: (play, step, hints) => deliver(play, step, hints, false),
  async work(play, [, a, b]) {
    const job = pick(dueJobs(play), a);
    if (job !== undefined) await startJob(play, job, a % 2, pick(budgets, b) ?? 1);
  },
  async go(play, [, a, b]) {
    const attempt = pick(stoppedAttempts(play), a);
    if (attempt !== undefined) await goOn(attempt, pick(budgets, b) ?? 1);
  },
  crash: async (play, [, a]) => crash(play, a % 2),
  sweep: (play, [, a, b]) => sweep(play, a % 2, pick(budgets, b) ?? 1),
  async wait(play, [, a]) {
    const pause = pick(pauses, a) ?? 0;
    await play.clock.advance(pause);
    const old = play.clock.now() - 60_000;
    play.stalled ||= stoppedAttempts(play).some(({ beganAt }) => beganAt <= old);
  },
  facts: async (play, [, a]) => change(play, changedFacts(play.outside, a)),
  people: async (play, [, a]) => change(play, changedPeople(play.outside, a)),
  list: async (play, [, a]) => change(play, changedList(play.outside, a)),
  cancel: (play, [, a, b]) => command(play, "cancel", a, b),
  break: (play, [, a, b]) => command(play, "break-glass", a, b),
  async ask(play, [, a]) {
    if (a % 3 === 0) enqueue(play, { name: "ask", by: requester });
  },
  async delete(play, [, a]) {
    const ts = pick(messages(play), a);
    if (a % 3 === 0 && ts !== undefined) change(play, { gone: new Set([...play.outside.gone, ts]) });
  },
  silence: async (play) => void (play.silences += 1),
};

function messages({ questions }: Play): readonly string[] {
  return [...questions.values()].flatMap(({ ts }) => (ts === undefined ? [] : [ts]));
}

function react(play: Play, [, a, b]: Step, hints: string[], adds: boolean): void {
  // Mostly on the newest request's message.
  const ts = b % 5 === 0 ? pick(messages(play), a) : messages(play).at(-1);
  if (ts === undefined) return;
  const standing = [...(play.outside.reactions.get(ts) ?? [])];
  const each = adds ? `${pick(emoji, b)} ${pick(voters, a)}` : pick(standing, a);
  if (each === undefined) return;
  const next = new Set(standing);
  if (adds) next.add(each);
  else next.delete(each);
  change(play, { reactions: new Map([...play.outside.reactions, [ts, next]]) });
  hints.push(ts);
}

/** An event from Slack, in whatever order: a hint that the message is worth a look. */
async function deliver(play: Play, [, a, b]: Step, hints: string[], takes: boolean): Promise<void> {
  const at = hints.length === 0 ? 0 : a % hints.length;
  const [ts] = takes ? hints.splice(at, 1) : [hints[at]];
  const [id] = [...play.questions].find(([, question]) => question.ts === ts) ?? [];
  if (id === undefined) return;
  const job = enqueue(play, { name: "review", migration: "orders", by: "slack", request: id });
  const queued = play.queue.find((each) => each.id === job);
  if (queued !== undefined) await startJob(play, queued, a % 2, pick(budgets, b) ?? 1);
}

async function sweep(play: Play, process: number, budget: number): Promise<void> {
  const id = enqueue(play, { name: "watch", migration: "orders", by: "schedule" });
  const queued = play.queue.find((each) => each.id === id);
  if (queued !== undefined) await startJob(play, queued, process, budget);
}

async function command(play: Play, name: "cancel" | "break-glass", a: number, b: number): Promise<void> {
  const request = [...play.questions.keys()].at(-1);
  const by = pick(voters, a);
  if (request === undefined || by === undefined || b % 2 === 0) return;
  if (name === "cancel") enqueue(play, { name, migration: "orders", by, request });
  else {
    if (glassBreakers.includes(by)) play.questions.get(request)?.broken.add(by);
    enqueue(play, { name, migration: "orders", by, request, reason: "fire" });
  }
}

function changedFacts({ facts, unreadable }: Outside, a: number): Partial<Outside> {
  switch (a % 6) {
    case 0:
      return { facts: { ...facts, plan: 3 - facts.plan } };
    case 1:
      return { facts: { ...facts, tolerance: 30 - facts.tolerance } };
    case 2:
    case 3:
      return { facts: { ...facts, lag: 7 - facts.lag } };
    default:
      return { unreadable: !unreadable };
  }
}

function changedPeople({ people }: Outside, a: number): Partial<Outside> {
  const user = pick(changing, a) ?? "";
  const kind = (people.get(user) ?? "member") === "member" ? "deactivated" : "member";
  return user === "UBOT" ? {} : { people: new Map([...people, [user, kind]]) };
}

function changedList({ list, role }: Outside, a: number): Partial<Outside> {
  const user = pick(changing, a) ?? "";
  if (a % 5 === 0) return { role: toggled(role, user) };
  return { list: toggled(list, user) };
}

function toggled(set: ReadonlySet<string>, user: string): ReadonlySet<string> {
  return set.has(user) ? new Set([...set].filter((each) => each !== user)) : new Set([...set, user]);
}

/** What is due longest comes first, as in the queue: a job that keeps trying again holds up no other. */
async function runDue(play: Play): Promise<void> {
  for (let round = 0; round < 40; round += 1) {
    const [job] = dueJobs(play).toSorted((one, other) => one.dueAt - other.dueAt);
    if (job === undefined) return;
    await startJob(play, job, 0, 1_000_000);
    if (job.state === "waiting") await play.clock.advance(Math.max(0, job.dueAt - play.clock.now()));
  }
}

/** Nothing more happens outside; both processes have time to find out everything, however much was lost. */
async function calm(play: Play): Promise<void> {
  play.silences = 0;
  for (const attempt of stoppedAttempts(play)) await goOn(attempt, 1_000_000);
  await runDue(play);
  await play.clock.advance(61_000);
  await sweep(play, 1, 1_000_000);
  await runDue(play);
}

/** What an end of a play must show: nothing waits that need not, and the audit has it all, once. */
async function leftUndone(play: Play): Promise<readonly string[]> {
  const requests = await listRequests(play.store, "orders");
  const trail = await play.store.auditTrail("orders");
  const said = trail
    .map(({ detail }) => JSON.stringify(detail).match(/"key":"([^"]+)"/)?.[1])
    .filter((key) => key);
  const twice = said.length === new Set(said).size ? [] : ["the audit says something twice"];
  const told = (move: { id: string; to: Request["state"] }) =>
    trail.filter(({ subject, after }) => subject === move.id && after === move.to).length;
  const unsaid = play.moves.filter((move) => told(move) === 0).map(({ to }) => `the audit lacks ${to}`);
  const stuck = requests
    .filter(({ state, settled }) => isFinal(state) && !settled)
    .map(({ state }) => `nobody was told that it is ${state}`);
  return [...twice, ...unsaid, ...stuck];
}
