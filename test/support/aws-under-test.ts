import { expect, vi } from "vitest";
import { type AwsStandIn, startAws } from "#lab/aws/stand-in.ts";
import type { World } from "#lab/aws/world.ts";
import { objections } from "./botocore-check.ts";

export type AwsUnderTest = AwsStandIn & { readonly region: string; advance(ms: number): void };

/** Of what was accepted here: the stand-in's tests send wrong requests on purpose. */
function objected(calls: ReturnType<AwsStandIn["control"]["calls"]>): readonly string[] {
  return calls
    .filter(({ status }) => status === 200)
    .flatMap(({ service, operation, input }) => objections(service, operation, input));
}

/** The stand-in in this process on a test's clock, and the environment that leads the SDK to it. */
export async function startAwsUnderTest(
  clock?: { now(): number },
  world: Partial<World> = {},
): Promise<AwsUnderTest> {
  const began = Date.now();
  let passed = 0;
  const aws = await startAws({
    bootstrap: "127.0.0.1:19092",
    timeScale: 1,
    now: () => (clock?.now() ?? began) + passed,
    world,
  });
  vi.stubEnv("AWS_ENDPOINT_URL_KAFKA", aws.url);
  vi.stubEnv("AWS_ENDPOINT_URL_EC2", aws.url);
  vi.stubEnv("AWS_ENDPOINT_URL_CLOUDWATCH", aws.url);
  vi.stubEnv("AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING", aws.url);
  vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIALAB");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "lab");
  return {
    ...aws,
    region: "us-east-1",
    advance: (ms) => {
      passed += ms;
    },
    stop: async () => {
      vi.unstubAllEnvs();
      await aws.stop();
      expect(objected(aws.control.calls()), "requests that AWS's own model has something against").toEqual(
        [],
      );
    },
  };
}
