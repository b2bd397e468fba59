import { createFakeNetwork } from "#support/fake-network.ts";
import { networkContract } from "../contract/network.ts";

networkContract("in memory", async () => {
  let now = 0;
  return {
    network: createFakeNetwork({ now: () => now }).network,
    advance: (ms) => {
      now += ms;
    },
    source: "vpc-source",
    target: "vpc-target",
    overlapping: "vpc-overlap",
    targetSubnets: ["subnet-a", "subnet-b"],
    securityGroup: "sg-1",
    close: async () => {},
  };
});
