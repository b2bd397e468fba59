import { isFinal, type Request } from "#domain/approval/approval.ts";
import type { Action } from "#domain/message.ts";
import type { Card } from "#jobs/work.ts";

/** Buttons of a request and of its run. None approves or denies: that is what the reactions are for. */

export function requestActions(request: Request): readonly Action[] {
  const { id, state } = request;
  if (isFinal(state)) return [evidence(request)];
  if (state === "executing") {
    const confirm = "Turns back at the next step, unless the point of no return is behind it.";
    return [evidence(request), { label: "Abort", command: `cancel ${id}`, confirm }];
  }
  const confirm = "Withdraws this request. Nothing was changed yet.";
  return [details(request), evidence(request), { label: "Cancel", command: `cancel ${id}`, confirm }];
}

/** The same facts, read anew; nobody is asked. */
function details({ action, proposal, asked }: Request): Action {
  const wave = proposal.wave ?? asked.wave;
  const ofWave = wave === undefined ? "" : ` ${wave}`;
  switch (action) {
    case "cutover-consumers":
      return { label: "Details", command: `cutover consumers${ofWave} --dry-run` };
    case "cutover-producers":
      return { label: "Details", command: `cutover producers${ofWave} --dry-run` };
    case "rollback":
      return { label: "Details", command: `rollback${ofWave} --dry-run` };
    case "cleanup":
      return { label: "Details", command: `cleanup${ofWave} --dry-run` };
    case "feature":
      return { label: "Details", command: `features ${asked.choice ?? ""} --dry-run` };
    case "access":
      return { label: "Details", command: `access ${asked.choice ?? "copy"} --dry-run` };
  }
}

function evidence({ proposal, asked }: Request): Action {
  const wave = proposal.wave ?? asked.wave;
  return { label: "Show evidence", command: wave === undefined ? "audit" : `audit ${wave}` };
}

/** A run's card with the buttons that fit: to abort while it runs, to read how it went afterwards. */
export function withButtons(card: Card, request: Request): Card {
  const running = requestActions({ ...request, state: "executing" });
  const ended = requestActions({ ...request, state: "done" });
  return {
    ...card,
    update: (message) => card.update({ ...message, actions: running }),
    finish: (message) => card.finish({ ...message, actions: ended }),
  };
}
