import { readFileSync } from "node:fs";
import { glob } from "node:fs/promises";
import { dirname, relative } from "node:path";
import { expect, it } from "vitest";

/** The domain's folders know each other one way (docs/decisions/0001): what all need lies beside them, and knows none. */

const domain = "src/domain";

async function neighbours(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const known = new Map<string, Set<string>>();
  for await (const file of glob(`${domain}/**/*.ts`)) {
    const room = relative(domain, dirname(file)) || ".";
    const rooms = known.get(room) ?? new Set<string>();
    known.set(room, rooms);
    for (const [, imported = ""] of readFileSync(file, "utf8").matchAll(/from "#domain\/([^"]+)"/g)) {
      const other = dirname(imported);
      if (other !== room) rooms.add(other);
    }
  }
  return known;
}

/** Takes away what knows nothing that is left, until nothing can be taken: what is left is in a circle, or knows one. */
function leftOver(known: ReadonlyMap<string, ReadonlySet<string>>): readonly string[] {
  const left = new Map([...known].map(([room, others]) => [room, new Set(others)]));
  for (;;) {
    const free = [...left].filter(([, others]) => others.size === 0).map(([room]) => room);
    if (free.length === 0) return [...left.keys()].toSorted();
    for (const room of free) left.delete(room);
    for (const others of left.values()) for (const room of free) others.delete(room);
  }
}

it("has no folder that knows itself by way of others", async () => {
  const known = await neighbours();
  expect(known.size).toBeGreaterThan(10);
  expect(known.get(".")).toEqual(new Set());
  expect(leftOver(known)).toEqual([]);
});

it("would see a circle", () => {
  const circle = new Map([
    ["lag", new Set(["switch"])],
    ["switch", new Set(["mirror"])],
    ["mirror", new Set(["lag"])],
    ["audit", new Set<string>()],
  ]);
  expect(leftOver(circle)).toEqual(["lag", "mirror", "switch"]);
});
