import { z } from "zod";
import type { PlannedQuestion } from "#domain/plan.ts";
import type { Migration, MigrationSettings } from "#domain/settings.ts";
import { took, zoneOf } from "#domain/wording.ts";
import { longestAnswer, readAnswer, stayMs, undecided } from "./answer-values.ts";

/**
 * What no cluster tells and only people know. Each question has a proposed answer and says what depends on it. A proposal
 * counts as the answer only where taking it changes nothing that cannot be taken back, or where ferry.yaml wrote it down.
 */

export const questionIds = [
  "network-path",
  "compliance",
  "owners",
  "window",
  "read-twice",
  "old-cluster",
  "growth",
] as const;
const QuestionId = z.enum(questionIds);
export type QuestionId = z.infer<typeof QuestionId>;

/** The step that an open or contradicting answer holds up. */
export type BlockedStep = "network" | "provision";

type Option = { readonly value: string; readonly label: string };

export type Question = {
  readonly id: QuestionId;
  /** One line, for people. */
  readonly asks: string;
  /** What may be written; of a choice, its options. */
  readonly hint: string;
  readonly options: readonly Option[] | undefined;
  /** `counts`: is taken as the answer until somebody gives one. */
  readonly proposed: { readonly value: string; readonly why: string; readonly counts: boolean } | undefined;
  readonly depends: string;
  readonly blocks: BlockedStep | undefined;
  /** Of the question while it is open. */
  readonly severity: "blocker" | "warning" | "info";
};

/** An answer as it is kept. `value` "open": somebody said that it is not decided. */
const Answer = z.object({
  value: z.string(),
  /** Slack user id. */
  by: z.string(),
  /** ISO 8601. */
  at: z.string(),
  /** The job that wrote it, and what stood there before: so that its audit is complete after a crash. */
  job: z.string(),
  before: z.string().nullable(),
});

export const Answers = z.partialRecord(QuestionId, Answer);
export type Answers = z.infer<typeof Answers>;

/** Key of a migration's answers in the store. */
export function answersKey(migration: string): string {
  return `plan-answers:${migration}`;
}

/** All of them, the most severe first. */
export function questionsFor(migration: Migration): readonly Question[] {
  const { settings } = migration;
  return [
    networkPath(settings),
    compliance(settings),
    owners(settings),
    cutoverWindow(settings),
    readTwice(settings),
    oldCluster(settings),
    growth,
  ];
}

function networkPath({ source, target }: MigrationSettings): Question {
  const { kind } = source.network;
  return {
    id: "network-path",
    asks: `Which way do the source and the VPC of ${target.cluster} reach each other?`,
    hint: "source.network.kind of ferry.yaml must say the same.",
    options: [
      { value: "peering", label: "VPC peering, made by the bot" },
      { value: "transit-gateway", label: "A transit gateway that exists" },
      { value: "vpn", label: "A VPN or Direct Connect that exists" },
      { value: "none", label: "They share a network: nothing is needed" },
      { value: undecided, label: "Not decided yet" },
    ],
    proposed: {
      value: kind,
      why:
        kind === "none"
          ? "source.network.kind is none: network only looks and probes then"
          : `source.network.kind of ferry.yaml is ${kind}`,
      counts: true,
    },
    depends: "what `network` makes in both VPCs, and which engine has a way",
    blocks: "network",
    severity: "blocker",
  };
}

/** The key for data at rest can never be changed (guide, msk-encryption.html). */
function compliance({ source, target }: MigrationSettings): Question {
  const isEncrypted = source.security.protocol === "SSL" || source.security.protocol === "SASL_SSL";
  const own = target.kmsKey !== undefined;
  const why = isEncrypted
    ? "the source encrypts in transit: whoever asked for that may ask for a key of their own, too"
    : `the source speaks ${source.security.protocol}: with AWS's key MSK protects more than it does`;
  return {
    id: "compliance",
    asks: `May these data lie in ${target.region}, and under which key?`,
    hint: "The key for data at rest cannot be changed after the cluster is made.",
    options: [
      { value: "aws-key", label: "Yes, under the key that AWS manages" },
      { value: "own-key", label: "Yes, under a key of our own: target.kmsKey" },
      { value: "not-cleared", label: "No: not cleared" },
      { value: undecided, label: "Not decided yet" },
    ],
    proposed: own
      ? { value: "own-key", why: "target.kmsKey of ferry.yaml names one", counts: true }
      : { value: "aws-key", why, counts: !isEncrypted },
    depends: "EncryptionAtRest of the cluster, and whether `provision` may make it at all",
    blocks: "provision",
    severity: "blocker",
  };
}

function owners({ clients }: MigrationSettings): Question {
  const named = clients.flatMap(({ name, switch: driver }) =>
    driver.driver === "manual" && driver.owner !== undefined ? [`${name}: ${driver.owner}`] : [],
  );
  const value = named.join(", ").slice(0, longestAnswer);
  return {
    id: "owners",
    asks: "Who owns the applications, and is reached while they move?",
    hint: `Free text, up to ${longestAnswer} characters: billing-app: @ana, checkout: #team-shop`,
    options: undefined,
    proposed:
      value === ""
        ? undefined
        : { value, why: "owners of clients in ferry.yaml", counts: named.length === clients.length },
    depends: "named in each request for a cutover",
    blocks: undefined,
    severity: "warning",
  };
}

function cutoverWindow(settings: MigrationSettings): Question {
  return {
    id: "window",
    asks: "When may applications be stopped for a cutover?",
    hint: `any, or days and hours in ${zoneOf(settings)}: sat,sun 22:00-02:00`,
    options: undefined,
    proposed: {
      value: "any",
      why: "a cutover stops one wave for seconds, and two people approve its moment",
      counts: false,
    },
    depends: "named in each request for a cutover, with whether that moment is inside",
    blocks: undefined,
    severity: "warning",
  };
}

function readTwice({ cutover }: MigrationSettings): Question {
  return {
    id: "read-twice",
    asks: "How many records may one group read twice in a cutover?",
    hint: `A number, at most ${cutover.maxReadAgain}: cutover.maxReadAgain of ferry.yaml. More is written there.`,
    options: undefined,
    proposed: {
      value: String(cutover.maxReadAgain),
      why: "cutover.maxReadAgain of ferry.yaml, which the gate holds",
      counts: true,
    },
    depends: "the gate of a cutover of consumers: more than this is refused before anything stops",
    blocks: undefined,
    severity: "info",
  };
}

const growth: Question = {
  id: "growth",
  asks: "How much more than today must MSK carry within a year?",
  hint: "Percent of rates and of what is stored: 0, 30.",
  options: undefined,
  proposed: {
    value: "0",
    why: "not known, and brokers and volumes can be added; a quarter of the rate and 40 % of the disk stay free anyway",
    counts: true,
  },
  depends: "the number of brokers, their volumes and the price",
  blocks: undefined,
  severity: "info",
};

const fortnight = 14 * 86_400_000;

function oldCluster({ cleanup }: MigrationSettings): Question {
  const ms = Math.max(fortnight, cleanup.watch);
  return {
    id: "old-cluster",
    asks: "How long does the old cluster stay after the last producer has moved?",
    hint: `Days or hours: 14d, 48h. At least ${took(cleanup.watch)}: cleanup.watch`,
    options: undefined,
    proposed: {
      value: `${Math.ceil(ms / 86_400_000)}d`,
      why: "two weeks, or cleanup.watch where that is longer",
      counts: true,
    },
    depends: "what both clusters together cost, and until when there is a way back",
    blocks: undefined,
    severity: "info",
  };
}

/** How a question stands: answered by somebody, its proposal taken, or open. */
export type Standing = {
  readonly question: Question;
  readonly state: "answered" | "taken" | "open";
  readonly value: string | undefined;
  /** Who answered, and when (ISO 8601). */
  readonly by: string | undefined;
  readonly at: string | undefined;
  /** Where the answer and ferry.yaml say different things, or the answer forbids the step. */
  readonly conflict: string | undefined;
};

/** Open ones first, the most severe of them at the top. */
export function standings(migration: Migration, answers: Answers): readonly Standing[] {
  const all = questionsFor(migration).map((question) => standing(question, answers, migration.settings));
  const weight = ({ state, conflict }: Standing) => (state === "open" || conflict !== undefined ? 0 : 1);
  return all.toSorted((a, b) => weight(a) - weight(b));
}

function standing(question: Question, answers: Answers, settings: MigrationSettings): Standing {
  const given = answers[question.id];
  const { proposed } = question;
  if (given === undefined) {
    const isTaken = proposed?.counts === true;
    const common = { question, by: undefined, at: undefined, conflict: undefined };
    return { ...common, state: isTaken ? "taken" : "open", value: isTaken ? proposed.value : undefined };
  }
  const { value, by, at } = given;
  if (value === undecided) return { question, state: "open", value: undefined, by, at, conflict: undefined };
  return { question, state: "answered", value, by, at, conflict: conflictOf(question, value, settings) };
}

function conflictOf(question: Question, value: string, settings: MigrationSettings): string | undefined {
  const read = readAnswer(question, value, settings);
  if ("problem" in read) return `the answer ${value} is not possible any more: ${read.problem}`;
  if (question.id === "network-path") {
    const { kind } = settings.source.network;
    return value === kind
      ? undefined
      : `the answer is ${value}, source.network.kind of ferry.yaml is ${kind}`;
  }
  if (question.id === "compliance") return complianceConflict(value, settings);
  return undefined;
}

function complianceConflict(value: string, { target }: MigrationSettings): string | undefined {
  if (value === "not-cleared") return `the answer is that the data are not cleared for ${target.region}`;
  const isOwn = target.kmsKey !== undefined;
  if (value === "own-key" && !isOwn)
    return "the answer is a key of your own, and target.kmsKey of ferry.yaml is not set";
  if (value === "aws-key" && isOwn)
    return `the answer is the key that AWS manages, target.kmsKey of ferry.yaml is ${target.kmsKey}`;
  return undefined;
}

/** Why this step may not run yet; empty where nothing is in its way. */
export function inTheWay(all: readonly Standing[], step: BlockedStep): readonly string[] {
  return all
    .filter(({ question }) => question.blocks === step)
    .flatMap(({ question: { id, asks }, state, conflict }) => {
      if (state === "open") return [`${id} is open (${asks})`];
      return conflict === undefined ? [] : [`${id}: ${conflict}`];
    });
}

/** What rates and storage are multiplied by: 1.3 for 30 %. */
export function growthFactor(answers: Answers): number {
  const given = answers.growth?.value ?? "";
  return /^\d+$/.test(given) ? 1 + Number(given) / 100 : 1;
}

/** How long both clusters run after the last switch, in ms. */
export function stayOf(migration: Migration, answers: Answers): number | undefined {
  const stood = standings(migration, answers).find(({ question }) => question.id === "old-cluster");
  return stayMs(stood?.value ?? "");
}

/** The lower of ferry.yaml's limit and what was answered: an answer in Slack only tightens the gate. */
export function readTwiceLimit({ settings }: Migration, answers: Answers): number {
  const given = answers["read-twice"]?.value ?? "";
  const most = settings.cutover.maxReadAgain;
  return /^\d+$/.test(given) ? Math.min(most, Number(given)) : most;
}

/** As the plan keeps it: who answered, and when, is in the audit. */
export function plannedQuestion({ question, state, value, conflict }: Standing): PlannedQuestion {
  const { id, asks, proposed, depends, severity, blocks } = question;
  return {
    id,
    asks,
    state,
    value: value ?? null,
    proposed: proposed?.value ?? null,
    why: proposed?.why ?? null,
    depends,
    severity,
    blocks: blocks ?? null,
    conflict: conflict ?? null,
  };
}
