import type { ActionName } from "#domain/action.ts";
import { access } from "./access/access.ts";
import { access as accessChange } from "./access/copy.ts";
import { answers } from "./answers.ts";
import { askForCleanup, askForCutover, askForRollback } from "./approval/asking.ts";
import { breakGlass } from "./approval/break-glass.ts";
import { cancel } from "./approval/cancel.ts";
import { createExecute } from "./approval/execute.ts";
import { createReview } from "./approval/review.ts";
import { waitingFor } from "./approval/waiting-for.ts";
import { assess } from "./assess.ts";
import { assessDiff } from "./assess-diff.ts";
import { audit } from "./audit.ts";
import { feature, features } from "./aws/features.ts";
import { network } from "./aws/network.ts";
import { provision } from "./aws/provision.ts";
import type { Handlers } from "./carry-out.ts";
import { cleanup } from "./cleanup/cleanup.ts";
import { home, thenHomes } from "./home.ts";
import { createDigest } from "./mirror/digest.ts";
import { lag } from "./mirror/lag.ts";
import { replicate } from "./mirror/replicate.ts";
import { scheduleDigest } from "./mirror/schedule-digest.ts";
import { plan } from "./plan.ts";
import type { Approvable } from "./run/approvable.ts";
import { status } from "./status.ts";
import { cutoverConsumers } from "./switch/consumers.ts";
import { cutoverProducers } from "./switch/producers.ts";
import { rollback } from "./switch/rollback.ts";
import { verify } from "./verify/verify.ts";
import { watch } from "./watch.ts";

/** Everything the bot can be asked to do: the table of contents of this folder, complete by its type. */

/** What needs people's approval before it runs. */
const approvables: Readonly<Record<ActionName, Approvable>> = {
  "cutover-consumers": cutoverConsumers,
  "cutover-producers": cutoverProducers,
  rollback,
  cleanup,
  feature,
  access: accessChange,
};

export const handlers: Handlers = {
  assess,
  "assess-diff": assessDiff,
  plan,
  answers,
  provision,
  network,
  access,
  replicate,
  lag,
  status,
  verify,
  cutover: thenHomes(askForCutover),
  rollback: thenHomes(askForRollback),
  cleanup: thenHomes(askForCleanup),
  features,
  digest: createDigest(waitingFor),
  "schedule-digest": scheduleDigest,
  audit,
  cancel: thenHomes(cancel),
  "break-glass": thenHomes(breakGlass),
  review: thenHomes(createReview(approvables)),
  execute: thenHomes(createExecute(approvables)),
  home,
  watch,
};
