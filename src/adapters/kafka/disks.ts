import type { Disk, InventoryReads } from "#domain/inventory.ts";
import type { Clock } from "#domain/ports.ts";
import { known, unknown } from "#domain/topology.ts";
import type { Request } from "./connection.ts";
import { answerError, codeName, isUnreachable, type Role } from "./errors.ts";
import type { Metadata } from "./metadata.ts";
import { collect, inParallel } from "./retry.ts";
import { orMissingRight } from "./rights-needed.ts";

const describeLogDirs = 35;
/** KIP-827: total and usable bytes of each directory's volume. */
const withVolumes = 4;
const brokersAtOnce = 8;

type Volume = { readonly error: number; readonly total: number; readonly usable: number };
type Answer = { readonly error: number; readonly volumes: readonly Volume[] };

/** How full the brokers' disks are. Each broker answers for itself only. */
export function createDisks(role: Role, metadata: Metadata, clock: Clock): Pick<InventoryReads, "disks"> {
  return {
    async disks() {
      const { versions } = await metadata.any();
      if ((versions.get(describeLogDirs)?.max ?? 0) < withVolumes) {
        return unknown(
          `the ${role} cluster does not tell how full disks are (KIP-827, Kafka 3.3); df on the brokers does`,
        );
      }
      const { brokers } = await metadata.view();
      const found: Disk[] = [];
      const refusals: ReturnType<typeof unknown>[] = [];
      await collect(
        [...brokers.keys()],
        async (pending, fail) => {
          await inParallel(pending, brokersAtOnce, async (id) => {
            try {
              const answer = await (await metadata.broker(id)).send(volumesRequest);
              const why = refusal(role, id, answer);
              if (why !== undefined) return void refusals.push(why);
              found.push(...answer.volumes.map(({ total, usable }) => ({ broker: id, total, usable })));
            } catch (thrown) {
              if (!isUnreachable(thrown)) throw thrown;
              fail(id, thrown.message);
            }
          });
        },
        { clock, what: `Disks of the ${role} cluster`, name: (id) => `broker ${id}` },
      );
      return refusals[0] ?? known(found.sort((a, b) => a.broker - b.broker || a.total - b.total));
    },
  };
}

function refusal(role: Role, id: number, { error, volumes }: Answer): ReturnType<typeof unknown> | undefined {
  if (error !== 0) {
    const refused = answerError(role, error, `DescribeLogDirs of broker ${id}`);
    return orMissingRight(refused, "DESCRIBE on the cluster");
  }
  const failed = volumes.find((volume) => volume.error !== 0);
  if (failed !== undefined)
    return unknown(`broker ${id} answers ${codeName(failed.error)} for a log directory`);
  const untold = volumes.length === 0 || volumes.some(({ total, usable }) => total < 0 || usable < 0);
  return untold ? unknown(`broker ${id} does not tell the size of its disks`) : undefined;
}

const volumesRequest: Request<Answer> = {
  key: describeLogDirs,
  name: "DescribeLogDirs",
  min: withVolumes,
  max: withVolumes,
  flexibleFrom: 2,
  timeout: 30_000,
  encode(writer) {
    writer.compactArray([], () => {}); // no topic: the directories alone
    writer.tags();
  },
  decode(reader) {
    reader.throttle();
    const error = reader.i16();
    const volumes = reader.compactArray(() => {
      const failed = reader.i16();
      reader.compactText(); // its path
      reader.compactArray(() => {
        reader.compactText();
        reader.compactArray(() => {
          reader.skip(4 + 8 + 8 + 1);
          reader.tags();
        });
        reader.tags();
      });
      const volume = { error: failed, total: reader.i64(), usable: reader.i64() };
      reader.tags();
      return volume;
    });
    return { error, volumes };
  },
};
