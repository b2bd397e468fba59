import { describe, expect, it } from "vitest";
import { checkSites, checkZones } from "#domain/msk/placement.ts";

const here = "arn:aws:kafka:us-east-1:123456789012:configuration/ferry-migrated/1";

function subnet(id: string, zone: string, vpc = "vpc-1") {
  return { id, zone, vpc };
}

describe("where the subnets lie", () => {
  it.each([
    {
      what: "one zone twice",
      subnets: [subnet("a", "use1-az1"), subnet("b", "use1-az1")],
      says: "different",
    },
    {
      what: "two VPCs",
      subnets: [subnet("a", "use1-az1"), subnet("b", "use1-az2", "vpc-2")],
      says: "same VPC",
    },
    {
      what: "the zone that MSK leaves out",
      subnets: [subnet("a", "use1-az1"), subnet("b", "use1-az3")],
      says: "no brokers in use1-az3",
    },
    {
      what: "three where MSK takes two",
      subnets: [subnet("a", "usw1-az1"), subnet("b", "usw1-az2"), subnet("c", "usw1-az3")],
      says: "exactly two",
    },
  ])("refuses $what", ({ subnets, says }) => {
    const found = checkZones(subnets);
    expect(found).toHaveLength(1);
    expect(found[0]?.rule).toContain(says);
  });

  it("takes two in us-west-1", () => {
    expect(checkZones([subnet("a", "usw1-az1"), subnet("b", "usw1-az3")])).toEqual([]);
  });

  it("takes one subnet a zone", () => {
    expect(checkZones([subnet("a", "use1-az1"), subnet("b", "use1-az2"), subnet("c", "use1-az4")])).toEqual(
      [],
    );
  });
});

describe("what is given from elsewhere", () => {
  it("must be of the account and the Region of the cluster: keys, secrets, authorities", () => {
    const request = {
      kmsKey: "arn:aws:kms:us-east-1:999999999999:key/k",
      certificateAuthorities: ["arn:aws:acm-pca:eu-west-1:123456789012:certificate-authority/c"],
    };
    const secrets = ["arn:aws:secretsmanager:us-east-1:999999999999:secret:AmazonMSK_a"];
    expect(checkSites(request, secrets, here).map(({ saw }) => saw)).toEqual([
      request.kmsKey,
      ...secrets,
      ...request.certificateAuthorities,
    ]);
  });

  it("is taken from here", () => {
    const kmsKey = "arn:aws:kms:us-east-1:123456789012:key/k";
    expect(checkSites({ kmsKey }, [], here)).toEqual([]);
  });
});
