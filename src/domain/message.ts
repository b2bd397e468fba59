/**
 * What the bot says, before it becomes Slack blocks (`commands/blocks.ts`). Text is plain: the renderer escapes it.
 * `*bold*` and `` `code` `` are kept; people and groups are mentioned with `mention` and `mentionGroup`.
 */
export type Tone = "working" | "done" | "failed" | "waiting" | "stopped" | "info" | "alarm";

export type Check = { readonly state: "pass" | "fail" | "warn" | "unknown"; readonly text: string };

export type Column = { readonly title: string; readonly align: "left" | "right" };

export type Part =
  | { readonly kind: "text"; readonly text: string }
  | {
      readonly kind: "facts";
      readonly rows: ReadonlyArray<{ readonly label: string; readonly value: string }>;
    }
  | { readonly kind: "checks"; readonly title?: string; readonly items: readonly Check[] }
  | {
      readonly kind: "table";
      readonly columns: readonly Column[];
      readonly rows: ReadonlyArray<readonly string[]>;
    }
  | {
      readonly kind: "progress";
      readonly step: string;
      readonly done: number;
      readonly of: number;
      /** Milliseconds left, where it can be said. */
      readonly leftMs?: number;
    }
  | { readonly kind: "code"; readonly text: string }
  | { readonly kind: "image"; readonly fileId: string; readonly alt: string }
  | { readonly kind: "note"; readonly text: string };

/** A button. It types `/ferry COMMAND` for whoever presses it, and can do nothing that typing could not. */
export type Action = {
  readonly label: string;
  /** Without the slash: "cancel 7K3Q". */
  readonly command: string;
  /** Asked before it acts, for what cannot be taken back by another click. */
  readonly confirm?: string;
};

export type Message = {
  /** "orders · assess" */
  readonly subject: string;
  readonly tone: Tone;
  /** Right of the subject: "done in 41 s · 14:03:12". */
  readonly note?: string;
  readonly parts: readonly Part[];
  /** Sensible next commands, without the slash: ["plan"]. */
  readonly next?: readonly string[];
  /** Below everything else; never to approve or to deny: that is done by reaction. */
  readonly actions?: readonly Action[];
};

export function mention(user: string): string {
  return `@{${user}}`;
}

/** Everybody in the channel: for what nobody may miss. */
export const mentionEveryone = "@channel{}";

export function mentionGroup(group: string): string {
  return `@group{${group}}`;
}

/** A channel by name, as `mention` does for people. */
export function mentionChannel(channel: string): string {
  return `#{${channel}}`;
}

/** Words that lead to an address. */
export function linkTo(url: string, label: string): string {
  return `@link{${url}|${label.replaceAll(/[{}\n]/g, " ")}}`;
}
