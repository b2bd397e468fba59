import { expect, test } from "vitest";
import { FerryError } from "#domain/errors.ts";
import { createSmallWork } from "#support/small-work.ts";
import { createWorlds, type OpenWorld } from "../src/world.ts";

const { migration, world: inside } = createSmallWork();

function setup(failures: number) {
  let opens = 0;
  let closes = 0;
  const worlds = createWorlds(async () => {
    opens += 1;
    if (opens <= failures) throw new FerryError("E_SETTINGS", "caFile: ca.pem cannot be read.");
    return Object.assign(Object.create(inside), {
      close: async () => void (closes += 1),
    }) satisfies OpenWorld;
  });
  return { worlds, opens: () => opens, closes: () => closes };
}

test("a world is opened once, however many ask at a time, and closed", async () => {
  const { worlds, opens, closes } = setup(0);
  const [one, other] = await Promise.all([worlds.world(migration), worlds.world(migration)]);
  expect(one).toBe(other);
  expect(opens()).toBe(1);
  await worlds.close();
  expect(closes()).toBe(1);
});

test("a world that could not be opened is tried again", async () => {
  const { worlds, opens } = setup(1);
  await expect(worlds.world(migration)).rejects.toMatchObject({ code: "E_SETTINGS" });
  await worlds.world(migration);
  await worlds.world(migration);
  expect(opens()).toBe(2);
});

test("closing is no error when nothing could be opened", async () => {
  const { worlds, closes } = setup(5);
  await expect(worlds.world(migration)).rejects.toThrow("ca.pem");
  await worlds.close();
  expect(closes()).toBe(0);
});
