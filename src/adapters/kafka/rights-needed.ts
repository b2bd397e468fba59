import type { FerryError } from "#domain/errors.ts";
import { unknown } from "#domain/topology.ts";

/** A refusal becomes an unknown value that names the right; anything else is thrown. */
export function orMissingRight(refused: FerryError, right: string): ReturnType<typeof unknown> {
  if (refused.code !== "E_KAFKA_AUTH") throw refused;
  return unknown(`${refused.message} The bot needs ${right}.`);
}
