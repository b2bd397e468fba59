import { z } from "zod";
import type { MessageRef } from "#domain/ports.ts";
import type { Intake } from "./intake.ts";

/** A reaction that somebody set or took back. Only a hint: the decision reads the reactions back from Slack. */
export type ReactionSeen = {
  readonly ref: MessageRef;
  readonly user: string;
  readonly name: string;
  readonly added: boolean;
};

export type Seen =
  | { readonly kind: "reaction"; readonly reaction: ReactionSeen }
  | { readonly kind: "deleted"; readonly ref: MessageRef }
  | { readonly kind: "home"; readonly user: string };

const ReactionEvent = z.object({
  type: z.enum(["reaction_added", "reaction_removed"]),
  user: z.string(),
  reaction: z.string(),
  item: z.object({ type: z.literal("message"), channel: z.string(), ts: z.string() }),
});

const Deletion = z.object({
  type: z.literal("message"),
  subtype: z.literal("message_deleted"),
  channel: z.string(),
  deleted_ts: z.string(),
});

/** What a deletion looks like when the message has a thread under it. */
const Tombstone = z.object({
  type: z.literal("message"),
  subtype: z.literal("message_changed"),
  channel: z.string(),
  message: z.object({ subtype: z.literal("tombstone"), ts: z.string() }),
});

const HomeOpened = z.object({ type: z.literal("app_home_opened"), user: z.string(), tab: z.literal("home") });

const Envelope = z.object({
  event_id: z.string(),
  event: z.unknown(),
  team_id: z.string().nullish(),
  /** For whom it was sent: in shared channels `team_id` may be the other side's. */
  authorizations: z.array(z.object({ team_id: z.string().nullish() })).nullish(),
});

function seenIn(event: unknown): Seen | undefined {
  const reaction = ReactionEvent.safeParse(event);
  if (reaction.success) {
    const { type, user, reaction: name, item } = reaction.data;
    const ref = { channel: item.channel, ts: item.ts };
    return { kind: "reaction", reaction: { ref, user, name, added: type === "reaction_added" } };
  }
  const deletion = Deletion.safeParse(event);
  if (deletion.success)
    return { kind: "deleted", ref: { channel: deletion.data.channel, ts: deletion.data.deleted_ts } };
  const tombstone = Tombstone.safeParse(event);
  if (tombstone.success)
    return { kind: "deleted", ref: { channel: tombstone.data.channel, ts: tombstone.data.message.ts } };
  const home = HomeOpened.safeParse(event);
  return home.success ? { kind: "home", user: home.data.user } : undefined;
}

/** Slack repeats an event for minutes; this many ids outlast that in any channel. */
const remembered = 5000;

/**
 * Reads events; each is told once, by its `event_id`, which stays the same when Slack sends it again, and only those of
 * this workspace.
 */
export function createEventReader({ isOurs }: Pick<Intake, "isOurs">): (body: unknown) => Seen | undefined {
  const known = new Set<string>();
  return (body) => {
    const envelope = Envelope.safeParse(body);
    if (!envelope.success || known.has(envelope.data.event_id)) return undefined;
    const { team_id: team, authorizations } = envelope.data;
    if (!isOurs(team, ...(authorizations ?? []).map((each) => each.team_id))) return undefined;
    known.add(envelope.data.event_id);
    const [oldest] = known;
    if (known.size > remembered && oldest !== undefined) known.delete(oldest);
    return seenIn(envelope.data.event);
  };
}
