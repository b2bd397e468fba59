import { FerryError } from "#domain/errors.ts";
import type { ClientDriver, ClientPlace } from "#domain/ports.ts";
import { known } from "#domain/topology.ts";

/** A switch driver whose application obeys at once. */
export type FakeDriver = {
  readonly driver: ClientDriver;
  readonly told: readonly string[];
  refuse(refusing: boolean): void;
};

export function createFakeDriver(client: string): FakeDriver {
  const told: string[] = [];
  let place: ClientPlace = "source";
  let refusing = false;

  function move(to: ClientPlace, words: string): void {
    told.push(words);
    if (refusing) throw new FerryError("E_CLIENT_DRIVER", `${client}: told to refuse "${words}".`);
    place = to;
  }

  return {
    driver: {
      stop: async (request) => move("stopped", `stop ${request}`),
      start: async (to, { bootstrap, protocol }, request) =>
        move(to, `start ${to} ${bootstrap.join(",")} ${protocol} ${request}`),
      status: async () => known(place),
    },
    told,
    refuse(next) {
      refusing = next;
    },
  };
}
