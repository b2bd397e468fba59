import type { App } from "@slack/bolt";
import { z } from "zod";
import { asFerryError } from "#domain/errors.ts";
import type { Form, FormField, FormProblems, Submitted } from "#domain/form.ts";
import type { Clock, Log } from "#domain/ports.ts";
import type { Calls } from "./calls.ts";
import { ackMs, within } from "./commands.ts";
import type { Intake } from "./intake.ts";

/**
 * Forms as Slack modals: opened by the `trigger_id` of a command or a click, which is good for 3 s and once; answered by
 * a submission that must be acknowledged within 3 s (docs.slack.dev/surfaces/modals).
 */

export type OnForm = (submitted: Submitted) => Promise<FormProblems>;

const callbackId = "ferry-form";
const actionId = "answer";

/**
 * docs.slack.dev/reference/views/modal-views, /reference/block-kit/blocks/input-block and /composition-objects/option-object.
 * Blocks of a view; characters of everything else.
 */
const most = {
  blocks: 100,
  title: 24,
  button: 24,
  section: 3000,
  label: 2000,
  hint: 2000,
  option: 75,
  options: 100,
  value: 150,
  metadata: 3000,
} as const;

/** What the form must know again when it comes back: whose channel it is, and what had been answered. */
const Metadata = z.object({ channel: z.string(), stood: z.record(z.string(), z.string()) });

/** The modal, shortened to what Slack takes: it would refuse the whole of it. */
export function viewOf({ title, submit, intro, channel, fields }: Form): Record<string, unknown> {
  const shown = fields.slice(0, most.blocks - 1);
  return {
    type: "modal",
    callback_id: callbackId,
    title: plain(title, most.title),
    submit: plain(submit, most.button),
    close: plain("Close", most.button),
    private_metadata: metadata(channel, shown),
    blocks: [
      { type: "section", text: plain(intro, most.section) },
      ...shown.map((field) => ({
        type: "input",
        block_id: field.id,
        // What is left empty stays as it is.
        optional: true,
        label: plain(field.label, most.label),
        hint: plain(field.hint, most.hint),
        element: elementOf(field),
      })),
    ],
  };
}

function elementOf({ options, initial, longest }: FormField): object {
  if (options === undefined) {
    return {
      type: "plain_text_input",
      action_id: actionId,
      max_length: longest,
      ...(initial === undefined || initial === "" ? {} : { initial_value: initial.slice(0, longest) }),
    };
  }
  const known = options.slice(0, most.options).map(({ value, label }) => ({
    text: plain(label, most.option),
    value: value.slice(0, most.value),
  }));
  const chosen = known.find(({ value }) => value === initial);
  return {
    type: "static_select",
    action_id: actionId,
    options: known,
    ...(chosen === undefined ? {} : { initial_option: chosen }),
  };
}

/** Without what stood where that is too long: then every field counts as written anew. */
function metadata(channel: string, fields: readonly FormField[]): string {
  const stood = Object.fromEntries(
    fields.flatMap(({ id, stood }) => (stood === undefined ? [] : [[id, stood]])),
  );
  const whole = JSON.stringify({ channel, stood });
  return whole.length <= most.metadata ? whole : JSON.stringify({ channel, stood: {} });
}

function plain(text: string, longest: number) {
  const short = text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
  return { type: "plain_text", text: short, emoji: false };
}

const Opened = z.object({ view: z.object({ id: z.string() }) });

export type OpenForm = (form: Form, trigger: string) => Promise<void>;

/** What opens forms. Fails with `E_SLACK` when Slack does not: the trigger was too old, or Slack is away. */
export function createFormOpener(calls: Pick<Calls, "repeatable">): OpenForm {
  return async (form, trigger) => {
    await calls.repeatable("views.open", { trigger_id: trigger, view: viewOf(form) }, Opened, "once");
  };
}

const Field = z.record(
  z.string(),
  z.object({
    value: z.string().nullish(),
    selected_option: z.object({ value: z.string() }).nullish(),
  }),
);

const Submission = z.object({
  team: z.object({ id: z.string() }).nullish(),
  user: z.object({ id: z.string() }),
  trigger_id: z.string(),
  view: z.object({
    private_metadata: z.string(),
    state: z.object({ values: z.record(z.string(), Field) }),
  }),
});

type FormsNeed = { readonly log: Log; readonly clock: Clock; readonly intake: Intake };

/** Lets Bolt bring what people send, over the socket or over HTTP, where the gate has checked its signature. */
export function answerForms(app: App, need: FormsNeed, onForm: OnForm): void {
  const { log, clock, intake } = need;
  app.view({ type: "view_submission", callback_id: callbackId }, async ({ body, ack }) => {
    const read = Submission.safeParse(body);
    const form = read.success ? Metadata.safeParse(parsed(read.data.view.private_metadata)) : undefined;
    if (!read.success || form?.success !== true) {
      log.warn({ code: "E_SLACK", error: "a form came back in another shape" }, "form not read");
      return await ack();
    }
    const { team, user, trigger_id: trigger, view } = read.data;
    const blocks = Object.keys(view.state.values);
    if (!intake.isOurs(team?.id)) return await ack(refused(blocks, elsewhere));
    if (!intake.isNew(trigger)) return await ack();
    const { channel, stood } = form.data;
    const values = changed(view.state.values, stood);
    const taken = onForm({ channel, user: user.id, values, trigger }).catch((thrown: unknown) => {
      const { code, message, remedy, stack } = asFerryError(thrown);
      log.error({ code, error: message, remedy, stack }, "a form could not be taken");
      return atFirst(blocks, `${code} ${message}`);
    });
    const problems = (await within(clock, ackMs, taken)) ?? atFirst(blocks, late);
    const wrong = Object.entries(problems).filter(([block]) => blocks.includes(block));
    if (wrong.length === 0) return await ack();
    await ack({ response_action: "errors", errors: Object.fromEntries(wrong) });
  });
}

const elsewhere = "MSK Ferry takes answers from people of its own workspace only. Nothing was kept.";

const late = "It takes longer than Slack waits: `/ferry plan answers` shows what was kept.";

function refused(blocks: readonly string[], why: string) {
  return { response_action: "errors" as const, errors: atFirst(blocks, why) };
}

/** Slack shows mistakes at fields only. */
function atFirst(blocks: readonly string[], why: string): Record<string, string> {
  return Object.fromEntries(blocks.slice(0, 1).map((block) => [block, why]));
}

/** What was written and is not what stood there; what was left empty is no answer. */
function changed(
  values: Readonly<Record<string, z.output<typeof Field>>>,
  stood: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([block, fields]) => {
      const field = fields[actionId];
      const value = field?.selected_option?.value ?? field?.value ?? "";
      return value === "" || value === stood[block] ? [] : [[block, value]];
    }),
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
