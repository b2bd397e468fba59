/** What is asked of one person in a form, before it becomes a Slack modal. */

export type FormField = {
  /** Letters, digits and hyphens. */
  readonly id: string;
  readonly label: string;
  readonly hint: string;
  /** To choose one from; absent: text. */
  readonly options: ReadonlyArray<{ readonly value: string; readonly label: string }> | undefined;
  readonly initial: string | undefined;
  /** What had been answered when the form was opened: only what differs from it is an answer. */
  readonly stood: string | undefined;
  /** Characters, of a text. */
  readonly longest: number;
};

export type Form = {
  /** At most 24 characters. */
  readonly title: string;
  readonly submit: string;
  readonly intro: string;
  /** Where it was asked for: it decides which migration is meant. */
  readonly channel: string;
  readonly fields: readonly FormField[];
};

/** A form that somebody sent: by field, what differs from what stood there. */
export type Submitted = {
  readonly channel: string;
  readonly user: string;
  readonly values: Readonly<Record<string, string>>;
  /** Slack's id of this one sending. */
  readonly trigger: string;
};

/** What is wrong, by field. Empty: it was taken, and the form closes. */
export type FormProblems = Readonly<Record<string, string>>;
