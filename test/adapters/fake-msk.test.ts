import { createFakeMsk } from "#support/fake-msk.ts";
import { createHandClock } from "#support/hand-clock.ts";
import { mskContract } from "../contract/msk.ts";

mskContract("in memory", async () => {
  let now = createHandClock().now();
  const fake = createFakeMsk({ now: () => now });
  return {
    msk: fake.msk,
    fill: (cluster, broker, percent) => fake.fill(cluster, broker, percent),
    advance: (ms) => {
      now += ms;
    },
    subnets: ["subnet-a", "subnet-b", "subnet-c"],
    securityGroups: ["sg-1"],
    close: async () => {},
  };
});
