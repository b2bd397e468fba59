import type { Assessment } from "#domain/assessment.ts";
import { asFerryError } from "#domain/errors.ts";
import { known, unknown } from "#domain/topology.ts";
import type { Work } from "#jobs/work.ts";

/** Connectors of the Kafka Connect clusters that `source.connect` names; nothing where it names none. */
export async function connectorsOf({ world, log }: Work): Promise<Pick<Assessment, "connectors">> {
  const { sourceConnects = [] } = world;
  if (sourceConnects.length === 0) return {};
  try {
    const lists = await Promise.all(sourceConnects.map((each) => each.connectors()));
    return { connectors: known(lists.flat()) };
  } catch (thrown) {
    const { code, message } = asFerryError(thrown);
    log.warn({ code }, "connectors of the source could not be read");
    return { connectors: unknown(message) };
  }
}
