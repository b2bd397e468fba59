import type { GateFact, Proposal, Request } from "#domain/approval/approval.ts";
import { FerryError } from "#domain/errors.ts";
import type { Person, Store } from "#domain/ports.ts";
import { createExecute } from "#jobs/approval/execute.ts";
import { ask } from "#jobs/approval/request.ts";
import { listRequests } from "#jobs/approval/request-store.ts";
import { createReview } from "#jobs/approval/review.ts";
import type { Approvable } from "#jobs/run/approvable.ts";
import { done, type Work } from "#jobs/work.ts";
import { createSmallWork, type SmallWork } from "#support/small-work.ts";

/** An action on a switch: on or off, with a gate that tests move. */
export function createSwitch() {
  const state = { on: 0, undone: 0, lag: 0, plan: 1, unreadable: false, fail: false };
  const fact = (): GateFact => ({
    name: "mirror",
    text: `mirror behind by ${state.lag}`,
    state: state.lag === 0 ? "pass" : "fail",
    pinned: null,
  });
  const pinned = (): GateFact => ({
    name: "partitions",
    text: `${state.plan} partitions`,
    state: "pass",
    pinned: state.plan,
  });
  const approvable: Approvable = {
    propose: async ({ wave = "all" }): Promise<Proposal> => {
      if (state.unreadable) throw new FerryError("E_SOURCE_UNREACHABLE", "no broker answered");
      return {
        action: "cutover-consumers",
        wave,
        title: `cut over CONSUMERS of wave ${wave}`,
        plan: { wave },
        effects: [{ label: "What happens", value: "the switch is turned" }],
        facts: [fact(), pinned()],
        quorum: 1,
      };
    },
    steps: async () => [
      {
        name: "turn",
        title: "turn the switch",
        isDone: async () => state.on > 0,
        act: async () => {
          if (state.fail) throw new FerryError("E_CLIENT_DRIVER", "exit 1");
          state.on += 1;
          return done;
        },
        undo: { title: "turn it back", run: async () => void (state.undone += 1) },
      },
    ],
    summary: async () => [{ kind: "text", text: "pause 0 s" }],
  };
  return { state, approvable, approvables: { "cutover-consumers": approvable } };
}

const kinds: ReadonlyArray<readonly [string, Person["kind"]]> = [
  ["UGUEST", "guest"],
  ["UBOT", "bot"],
  ["UGONE", "deactivated"],
  ["UFAR", "stranger"],
];

/** A request for wave billing by UANA, posted; UBEN, UCAT and UDAN may approve it. */
export async function asked(
  parts: { readonly store?: Store; readonly work?: SmallWork; readonly at?: string } = {},
) {
  const { store, at } = parts;
  const work = parts.work ?? createSmallWork(store === undefined ? {} : { store });
  for (const [id, kind] of kinds) work.fake.people.set(id, { id, name: id, kind });
  const toggle = createSwitch();
  await ask(toggle.approvable, "cutover-consumers", { wave: "billing", by: "UANA" }, work, { at });
  const request = await only(work);
  const ref = { channel: request.channel, ts: request.ts ?? "" };
  const review = createReview(toggle.approvables);
  const execute = createExecute(toggle.approvables);
  return {
    ...toggle,
    work,
    id: request.id,
    ref,
    react: (user: string, emoji = "white_check_mark") => work.fake.react(ref, user, emoji),
    unreact: (user: string, emoji = "white_check_mark") => work.fake.unreact(ref, user, emoji),
    review: (by: Work = work) => review(jobOf("review", request), by),
    execute: () => execute(jobOf("execute", request), work),
    now: () => only(work),
    executions: () => work.queue.jobs.filter(({ job }) => job.name === "execute"),
    shown: () => JSON.stringify(work.fake.posts.find((post) => post.ref.ts === ref.ts)?.message),
    replies: () => work.fake.posts.filter(({ thread }) => thread === ref.ts).map(({ message }) => message),
    audited: async () =>
      (await work.store.auditTrail("orders")).map((entry) => `${entry.what} ${entry.actor}`),
  };
}

async function only(work: SmallWork): Promise<Request> {
  const [request] = await listRequests(work.store, "orders");
  if (request === undefined) throw new Error("no request was stored");
  return request;
}

/** The job as the queue hands it over. */
export function jobOf<N extends "review" | "execute" | "cancel">(
  name: N,
  { id }: Pick<Request, "id">,
  by = "schedule",
) {
  return { name, migration: "orders", by, request: id };
}

/** The same, approved by UBEN and UCAT and not started. */
export async function approvedByTwo() {
  const at = await asked();
  at.react("UBEN");
  at.react("UCAT");
  await at.review();
  return at;
}
