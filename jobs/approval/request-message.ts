import type { ApproverRules, Proposal, Request } from "#domain/approval/approval.ts";
import type { RefusalCode } from "#domain/approval/votes.ts";
import { type Message, mention, mentionGroup, type Part, type Tone } from "#domain/message.ts";
import { clockTime, dayOf, timeOfDay } from "#domain/wording.ts";
import { requestActions } from "./request-actions.ts";

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
  const live = open || request.state === "approved" || request.state === "executing";
  return {
    subject: `${request.migration} · ${request.proposal.title}`,
    tone: tones[request.state],
    note: `request ${request.id}${open ? ` · expires ${moment(request.expiresAt, request)}` : ""}`,
    parts: [
      { kind: "text", text: headline(request) },
      ...specialParts(request),
      ...proposalParts(view.proposal ?? request.proposal, view.readAt, request.planHash),
      ...(open ? waitingParts(request, view) : []),
      ...(request.state === "approved" ? blockedParts(view) : []),
    ],
    ...(live ? { next: [`cancel ${request.id}`] } : {}),
    actions: requestActions(request),
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
  "same-person": () => "another account of yours is counted already; people count, not accounts.",
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
      return `Approved by ${by}. It starts ${startOf(request)}; removing a ✅ before the start takes it back.`;
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

/** What makes this request unlike others: that it is scheduled, that the glass was broken. */
function specialParts(request: Request): readonly Part[] {
  const { startAt, grantedMs, breakGlass, state } = request;
  const waiting = state === "open" || state === "approved";
  const parts: Part[] = [];
  if (startAt !== undefined && waiting) {
    const [from, until] = [startAt, startAt + grantedMs].map((ms) => moment(ms, request));
    const value = `${from} if approved by then, not after ${until}; the gate is read again right before`;
    parts.push({ kind: "facts", rows: [{ label: "Starts", value }] });
  }
  if (breakGlass !== undefined) {
    const text = `BREAK-GLASS by ${mention(breakGlass.by)}, one approval: ${breakGlass.reason}`;
    parts.push({ kind: "checks", items: [{ state: "warn", text }] });
  }
  return parts;
}

function startOf(request: Request): string {
  const { startAt, decidedAt = 0 } = request;
  return startAt === undefined || startAt <= decidedAt ? "now" : `at ${moment(startAt, request)}`;
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

function waitingParts(request: Request, view: RequestView): readonly Part[] {
  const { quorum, reason, lacking } = request;
  const names = view.approved.map((user) => mention(user)).join(", ");
  const roles = [...new Set(lacking?.roles)].map((role) => `*${role}*`).join(", ");
  const count = `Approved ${view.approved.length} of ${quorum}${names === "" ? "" : `: ${names}`}`;
  const text = roles === "" ? count : `${count}. Still missing: ${roles}`;
  const again = reason !== undefined && reason !== view.blocked;
  const back = again ? [`Was approved, waits again${at(request)}: ${reason}`] : [];
  return [
    { kind: "text", text },
    ...blockedParts(view),
    ...back.map((note) => ({ kind: "note" as const, text: note })),
  ];
}

function blockedParts({ blocked }: RequestView): readonly Part[] {
  return blocked === undefined ? [] : [{ kind: "note", text: `Not yet: ${blocked}` }];
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

function at(request: Request): string {
  return request.decidedAt === undefined ? "" : ` at ${moment(request.decidedAt, request)}`;
}

/** "15:04 UTC", with the day where that is another one than that of the asking. */
function moment(ms: number, { createdAt, timezone = "UTC" }: Request): string {
  const [day, asked] = [ms, createdAt].map((each) => dayOf(each, timezone));
  const time = `${timeOfDay(ms, timezone)} ${timezone}`;
  return day === asked ? time : `${day} ${time}`;
}
