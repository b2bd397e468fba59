import { describe, expect, it } from "vitest";
import { FerryError } from "#domain/errors.ts";
import { feature } from "#jobs/aws/features.ts";
import { provision } from "#jobs/aws/provision.ts";
import { createJobs } from "#jobs/carry-out.ts";
import { handlers } from "#jobs/index.ts";
import { createAwsWork } from "#support/aws-work.ts";
import { openRun } from "#support/sample-migration.ts";

/** What the bot's role may not do, whichever job it is that needs it. */

const from = { migration: "orders", by: "UANA" };
const arn = "arn:aws:kafka:us-east-1:123456789012:cluster/migrated/1";
const user = "User: arn:aws:sts::123456789012:assumed-role/ferry/i-1";

function denial(action: string, said: string): FerryError {
  return new FerryError("E_AWS_ACCESS", `The bot's role may not do ${action} on migrated. AWS: ${said}`);
}

async function refusing(method: string, error: FerryError) {
  const aws = await createAwsWork();
  aws.msk.script.onCall = (call) => {
    if (call === method) throw error;
  };
  return aws;
}

async function thrownBy(run: () => Promise<unknown>): Promise<FerryError> {
  const thrown = await run().catch((refused: unknown) => refused);
  if (!(thrown instanceof FerryError)) throw new Error(`not refused: ${String(thrown)}`);
  return thrown;
}

describe("a denial", () => {
  it("by a policy of others is said to be theirs: no statement of the role lifts it", async () => {
    const said = `${user} is not authorized to perform: kafka:CreateClusterV2 on resource: ${arn} with an explicit deny in a service control policy`;
    const aws = await refusing("createCluster", denial("kafka:CreateClusterV2", said));
    const { message } = await thrownBy(() =>
      aws.carryOut((work) => provision({ name: "provision", ...from }, work)),
    );
    expect(message).toContain(
      "It is denied by a service control policy, which no statement to allow outweighs: whoever owns that policy",
    );
    expect(message).toContain(arn);
    expect(message).not.toContain("Add to the policy");
  });

  it("comes with its statement once, in a job that was not made for AWS too", async () => {
    const aws = await refusing("versions", denial("kafka:ListKafkaVersions", "no"));
    const { fake: _, ...work } = aws.open();
    const services = {
      ...work,
      migrations: [aws.migration],
      world: async () => aws.world,
      charts: () => work.charts,
    };
    const { signal } = new AbortController();
    const asked = [
      { name: "provision", ...from },
      { name: "access", action: "diff", ...from },
    ] as const;
    for (const job of asked) {
      aws.msk.script.onCall = () => {
        throw denial("kafka:ListKafkaVersions", "no");
      };
      const { code, message } = await thrownBy(() =>
        createJobs(services, handlers)(job, { id: job.name, attempt: 1, signal }),
      );
      expect(code).toBe("E_AWS_ACCESS");
      expect(message.match(/Add to the policy/g), job.name).toHaveLength(1);
      expect(message).toContain('{"Effect":"Allow","Action":["kafka:ListKafkaVersions"],"Resource":["*"]}');
    }
  });

  it("comes with its statement where an approved change is carried out", async () => {
    const aws = await createAwsWork();
    aws.msk.put({ name: "migrated" });
    const work = aws.open();
    const proposal = await feature.propose({ choice: "storage=200", by: "UANA" }, work);
    const [step] = await feature.steps(proposal, work, await openRun(aws.store, "7K3Q"));
    aws.msk.script.onCall = (call) => {
      if (call === "updateStorage") throw denial("kafka:UpdateBrokerStorage", "no");
    };
    expect(await thrownBy(async () => await step?.act())).toMatchObject({
      code: "E_AWS_ACCESS",
      message: expect.stringContaining(
        '"Action":["kafka:UpdateBrokerStorage"],"Resource":["arn:aws:kafka:us-east-1:*:cluster/migrated/*"]',
      ),
    });
  });
});
