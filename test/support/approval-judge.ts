import { z } from "zod";
import { isFinal, Request, RequestState } from "#domain/approval/approval.ts";
import { whyLate, whyWrong, whyWrongEnd } from "./approval-model.ts";
import type { Attempt, Play } from "./approval-play.ts";

const Moved = z.object({ state: RequestState });

/** Holds each change of a request's state against the rules. */
export function judge(play: Play, earlier: unknown, later: unknown, attempt: Attempt): void {
  const [before, next] = [earlier, later].map((each) => Moved.safeParse(each).data);
  if (before?.state === next?.state) return;
  const after = Request.parse(JSON.parse(JSON.stringify(later)));
  const question = play.questions.get(after.id);
  if (before === undefined || question === undefined) return note(play, after);
  play.moves.push({ id: after.id, to: after.state });
  const now = play.clock.now();
  const wrongs = [revived(before.state, after.state)];
  if (after.state === "approved") {
    question.approvedAt = now;
    wrongs.push(whyLate(question, attempt.beganAt));
  }
  if (isFinal(after.state)) wrongs.push(whyWrongEnd(after, attempt, play.rules));
  if (after.state === "executing") {
    const twice = play.started.has(after.id) ? "it started twice" : undefined;
    const early = before.state === "approved" ? undefined : `it started while ${before.state}`;
    wrongs.push(twice, early, whyWrong(after, question, attempt, now));
    play.started.add(after.id);
  }
  play.wrong.push(...wrongs.filter((why) => why !== undefined));
}

function revived(before: Request["state"], after: Request["state"]): string | undefined {
  return isFinal(before) ? `${before} became ${after}` : undefined;
}

function note(play: Play, { id, nonce, startAt }: Request): void {
  play.questions.set(id, {
    rules: play.rules,
    asked: play.outside.facts,
    createdAt: play.clock.now(),
    startAt,
    approvedAt: undefined,
    ts: undefined,
    key: `request:${nonce}`,
    broken: new Set(),
  });
}
