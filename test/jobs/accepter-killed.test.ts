import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { z } from "zod";
import { network } from "#jobs/aws/network.ts";
import type { Work } from "#jobs/work.ts";
import {
  PARTNER_ACCOUNT,
  RTB_PARTNER_MAIN,
  RTB_TARGET_MAIN,
  SG_MSK,
  SG_PARTNER,
  SUBNET_TARGET_A,
  SUBNET_TARGET_B,
  SUBNET_TARGET_C,
  VPC_PARTNER,
} from "#lab/aws/world.ts";
import { blowsAt, type Lived, liveThrough } from "#support/aws-lives.ts";

/** A process that ends at any call that only a peering with another account needs; the others: provision-killed.test.ts. */

const changes = {
  target: { subnets: [SUBNET_TARGET_A, SUBNET_TARGET_B, SUBNET_TARGET_C], securityGroups: [SG_MSK] },
  source: {
    network: {
      kind: "peering",
      vpc: VPC_PARTNER,
      securityGroups: [SG_PARTNER],
      accepter: { profile: "partner" },
    },
  },
};
const ours = { "msk-ferry": "orders" };
const State = z.object({
  peerings: z.array(
    z.object({ id: z.string(), code: z.string(), tags: z.unknown(), accepterTags: z.unknown() }),
  ),
  world: z.object({
    routeTables: z.array(z.object({ id: z.string(), routes: z.array(z.object({ target: z.string() })) })),
    securityGroups: z.array(z.object({ id: z.string(), ingress: z.array(z.object({ tags: z.unknown() })) })),
  }),
});

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "ferry-profile-"));
  const profile = "[partner]\naws_access_key_id = AKIAPARTNER1\naws_secret_access_key = lab\n";
  writeFileSync(join(folder, "credentials"), profile);
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = (work: Work) => network({ name: "network", migration: "orders", by: "UANA" }, work);

function expectOneWay({ state, recorded }: Lived): void {
  const { peerings, world } = State.parse(state);
  expect(peerings).toMatchObject([{ code: "active", tags: ours, accepterTags: ours }]);
  const routed = world.routeTables.filter(({ routes }) => routes.length > 0);
  expect(routed.map(({ id }) => id)).toEqual([RTB_TARGET_MAIN, RTB_PARTNER_MAIN]);
  expect(routed.map(({ routes }) => routes.map(({ target }) => target))).toEqual(
    routed.map(() => [peerings[0]?.id]),
  );
  const groups = world.securityGroups.filter(({ ingress }) => ingress.length > 0);
  expect(groups.map(({ id, ingress }) => [id, ingress.map(({ tags }) => tags)])).toEqual([
    [SG_MSK, [ours]],
    [SG_PARTNER, [ours]],
  ]);
  const accepted = recorded.filter(
    ({ operation, status }) => operation.startsWith("Accept") && status === 200,
  );
  expect(accepted.map(({ caller }) => caller.account)).toEqual([PARTNER_ACCOUNT]);
}

it("leaves one peering, accepted once and tagged on both sides", { timeout: 60_000 }, async () => {
  const accepter = { profile: "partner", credentialsFile: join(folder, "credentials") };
  const calm = await liveThrough(run, changes, { accepter });
  expectOneWay(calm);
  const blows = blowsAt(calm.calls).filter(({ call }) =>
    /Accept|CreateTags|Modify/.test(calm.calls[call - 1] ?? ""),
  );
  expect(blows).toHaveLength(12);
  for (const blow of blows) {
    try {
      expectOneWay(await liveThrough(run, changes, { accepter, blow }));
    } catch (cause) {
      throw new Error(`ended ${blow.when} call ${blow.call}, ${calm.calls[blow.call - 1]}`, { cause });
    }
  }
});
