import type { ActionName } from "#domain/approval.ts";
import type { Approvable } from "./approvable.ts";
import { askForCleanup, askForCutover, askForRollback } from "./asking.ts";
import { assess } from "./assess.ts";
import { audit } from "./audit.ts";
import { cancel } from "./cancel.ts";
import type { Handlers } from "./carry-out.ts";
import { cleanup } from "./cleanup.ts";
import { cutoverConsumers } from "./consumers.ts";
import { createDigest } from "./digest.ts";
import { createExecute } from "./execute.ts";
import { feature, features } from "./features.ts";
import { lag } from "./lag.ts";
import { network } from "./network.ts";
import { plan } from "./plan.ts";
import { cutoverProducers } from "./producers.ts";
import { provision } from "./provision.ts";
import { replicate } from "./replicate.ts";
import { createReview } from "./review.ts";
import { rollback } from "./rollback.ts";
import { scheduleDigest } from "./schedule-digest.ts";
import { status } from "./status.ts";
import { verify } from "./verify.ts";
import { waitingFor } from "./waiting-for.ts";
import { watch } from "./watch.ts";

/** Everything the bot can be asked to do: the table of contents of this folder, complete by its type. */

/** What needs people's approval before it runs. */
const approvables: Readonly<Record<ActionName, Approvable>> = {
  "cutover-consumers": cutoverConsumers,
  "cutover-producers": cutoverProducers,
  rollback,
  cleanup,
  feature,
};

export const handlers: Handlers = {
  assess,
  plan,
  provision,
  network,
  replicate,
  lag,
  status,
  verify,
  cutover: askForCutover,
  rollback: askForRollback,
  cleanup: askForCleanup,
  features,
  digest: createDigest(waitingFor),
  "schedule-digest": scheduleDigest,
  audit,
  cancel,
  review: createReview(approvables),
  execute: createExecute(approvables),
  watch,
};
