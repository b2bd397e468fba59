import { describe, expect, it } from "vitest";
import { FerryError } from "#domain/errors.ts";
import type { Acl } from "#domain/topology.ts";
import { access } from "#jobs/access/access.ts";
import { createAwsWork } from "#support/aws-work.ts";

/** MSK's brokers do not tell their default for what no ACL is about: the cluster's configuration does. */

const scram = { auth: "scram", scram: { username: "ferry", passwordEnv: "P", secretArns: ["arn:s"] } };
/** Who the bot is to both. */
const anonymous = "User:ANONYMOUS";
const reads: Acl = {
  resourceType: "TOPIC",
  resourceName: "orders",
  patternType: "LITERAL",
  principal: "User:billing",
  host: "*",
  operation: "READ",
  permission: "ALLOW",
};

async function diffOf(target: object, properties: string | undefined, deny = false) {
  const aws = await createAwsWork({
    target: { ...scram, ...target },
    source: { authorizer: { superUsers: [anonymous] } },
  });
  const made = properties === undefined ? undefined : aws.msk.configure({ name: "c", properties });
  aws.msk.put({
    name: "migrated",
    ...(made === undefined ? {} : { configurationArn: made.arn, configurationRevision: made.revision }),
  });
  if (deny) {
    aws.msk.script.onCall = (call) => {
      if (call === "describeConfiguration") throw new FerryError("E_AWS_ACCESS", "not you");
    };
  }
  aws.source.setAuthorizer({ everyone: false, superUsers: [anonymous] });
  aws.target.setAuthorizer({ everyone: true, superUsers: [anonymous] });
  for (const side of [aws.source, aws.target]) side.setAcls([reads]);
  const work = aws.open();
  await access({ name: "access", migration: "orders", by: "UANA", action: "diff" }, work);
  return JSON.stringify(work.card.shown.at(-1));
}

describe("a resource without an ACL on MSK", () => {
  const opened = /everybody else.*any other topic.*denied.*allowed.*no ACL: open to everybody by default/;

  it("is open to everybody by MSK's default, and that is told where the source closes it", async () => {
    for (const properties of [undefined, "num.partitions=3\n"]) {
      const text = await diffOf({}, properties);
      expect(text).toMatch(opened);
      expect(text).not.toContain("not known");
    }
  });

  it("is closed where MSK's configuration closes it, as on the source", async () => {
    const text = await diffOf({}, "allow.everyone.if.no.acl.found=false\n");
    expect(text).toContain("Empty");
    expect(text).not.toContain("not known");
  });

  it("is what ferry.yaml says of it first of all", async () => {
    const authorizer = { everyoneIfNoAcl: false, superUsers: [] };
    expect(await diffOf({ authorizer }, "num.partitions=3\n")).toContain("Empty");
  });

  it("stays unknown where the bot may not read the configuration", async () => {
    const text = await diffOf({}, "num.partitions=3\n", true);
    expect(text).toContain("What the target lets in where there is no ACL is not known");
    expect(text).not.toMatch(opened);
  });
});
