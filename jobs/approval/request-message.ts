import type { ApproverRules, Proposal, RefusalCode, Request } from "#domain/approval.ts";
import { type Message, mention, mentionGroup, type Part, type Tone } from "#domain/message.ts";
import { clockTime } from "#domain/wording.ts";

/** What people see of a request, in each of its states. */

const tones: Readonly<Record<Request["state"], Tone>> = {
  open: "waiting",
  approved: "waiting",
  executing: "working",
  done: "done",
  failed: "failed",
  denied: "stopped",
  expired: "stopped",
  void: "stopped",
  cancelled: "stopped",
};

export type RequestView = {
  /** The world as it was just read; absent: as it was when asked. */
  readonly proposal?: Proposal | undefined;
  readonly readAt: number;
  /** Who approves at this moment. */
  readonly approved: readonly string[];
  /** Why enough approvals do not start it. */
  readonly blocked?: string | undefined;
};

export function requestMessage(request: Request, view: RequestView): Message {
  const open = request.state === "open";
  return {
    subject: `${request.migration} · ${request.proposal.title}`,
    tone: tones[request.state],
    note: `request ${request.id}${open ? ` · expires ${timeOfDay(request.expiresAt)}` : ""}`,
    parts: [
      { kind: "text", text: headline(request) },
      ...proposalParts(view.proposal ?? request.proposal, view.readAt, request.planHash),
      ...(open ? waitingParts(request, view) : []),
    ],
    ...(open || request.state === "approved" ? { next: [`cancel ${request.id}`] } : {}),
  };
}

/** What `--dry-run` shows: the same facts, and nobody is asked. */
export function proposalMessage(
  migration: string,
  proposal: Proposal,
  planHash: string,
  now: number,
): Message {
  return {
    subject: `${migration} · ${proposal.title}`,
    tone: "info",
    note: "dry run: nobody was asked",
    parts: proposalParts(proposal, now, planHash),
  };
}

/** Told once and only to the person whose reaction does not count. */
export function refusalMessage(request: Request, code: RefusalCode): Message {
  return {
    subject: `${request.migration} · ${request.proposal.title}`,
    tone: "info",
    note: `request ${request.id}`,
    parts: [{ kind: "text", text: `Not counted: ${refusals[code](request)}` }],
  };
}

const refusals: Readonly<Record<RefusalCode, (request: Request) => string>> = {
  requester: ({ quorum, id }) =>
    `you asked for this; ${people(quorum)} other than you must approve. \`/ferry cancel ${id}\` withdraws it.`,
  bot: () => "bots and apps cannot approve.",
  guest: () => "guests of this workspace cannot approve.",
  stranger: () => "people from other workspaces cannot approve.",
  deactivated: () => "this account is deactivated.",
  "not-listed": ({ approvers }) => `you are not among those who may approve: ${approverList(approvers)}.`,
};

function headline(request: Request): string {
  const { requester, quorum, approvers, reason } = request;
  const by = request.decidedBy.map((user) => mention(user)).join(", ");
  const why = reason === undefined ? "" : `: ${reason}`;
  switch (request.state) {
    case "open":
      return `${mention(requester)} asks. ${capital(people(quorum))} of ${approverList(approvers)} must react with ✅ (not ${mention(requester)}). ❌ stops it.`;
    case "approved":
      return `Approved by ${by}. It starts now; removing a ✅ before the start takes it back.`;
    case "executing":
      return `Approved by ${by}. Running; \`/ferry cancel ${request.id}\` turns it back where that is still safe.`;
    case "done":
      return `*Done${at(request)}.* Asked by ${mention(requester)}, approved by ${by}.`;
    case "failed":
      return `*Failed${at(request)}*${why}. Asked by ${mention(requester)}, approved by ${by}.`;
    case "denied":
      return `*Denied by ${by}${at(request)}.* Nothing was changed.`;
    case "expired":
      return `*Expired${at(request)}*${why}. Nothing was changed. Ask again with the same command.`;
    case "void":
      return `*Void${at(request)}*${why}. Nothing was changed. Ask again with the same command.`;
    case "cancelled":
      return `*Cancelled${by === "" ? "" : ` by ${by}`}${at(request)}*${why}. Nothing was changed.`;
  }
}

function proposalParts(proposal: Proposal, readAt: number, planHash: string): readonly Part[] {
  return [
    { kind: "facts", rows: proposal.effects },
    ...tableParts(proposal),
    {
      kind: "checks",
      title: `Gate, ${clockTime(readAt)} UTC · plan ${planHash.slice(0, 4)}…${planHash.slice(-2)}`,
      items: proposal.facts.map(({ state, text }) => ({ state, text })),
    },
  ];
}

/** Rows of a proposal's table that its message shows. */
export const rowsShown = 8;

function tableParts({ table }: Proposal): readonly Part[] {
  if (table === undefined || table.rows.length === 0) return [];
  const more = table.rows.length - rowsShown;
  return [
    { kind: "table", columns: table.columns, rows: table.rows.slice(0, rowsShown) },
    ...(more > 0 ? [{ kind: "note" as const, text: `… ${more} more rows, all of them in the thread` }] : []),
  ];
}

function waitingParts({ quorum, reason }: Request, { approved, blocked }: RequestView): readonly Part[] {
  const names = approved.map((user) => mention(user)).join(", ");
  const count = `Approved ${approved.length} of ${quorum}${names === "" ? "" : `: ${names}`}`;
  const notes = [...new Set([blocked, reason])].filter((note) => note !== undefined);
  return [
    { kind: "text", text: count },
    ...notes.map((text) => ({ kind: "note" as const, text: `Not yet: ${text}` })),
  ];
}

function approverList({ users, usergroup }: ApproverRules): string {
  const names = [
    ...(usergroup === undefined ? [] : [mentionGroup(usergroup)]),
    ...users.map((user) => mention(user)),
  ];
  return names.length === 0 ? "nobody (the list in ferry.yaml is empty)" : names.join(", ");
}

function people(quorum: number): string {
  const words = ["nobody", "one person", "two people", "three people"];
  return words[quorum] ?? `${quorum} people`;
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

function at({ decidedAt }: Request): string {
  return decidedAt === undefined ? "" : ` at ${timeOfDay(decidedAt)}`;
}

function timeOfDay(ms: number): string {
  return `${clockTime(ms).slice(0, 5)} UTC`;
}
