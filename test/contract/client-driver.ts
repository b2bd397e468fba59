import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ClientDriver } from "#domain/ports.ts";
import type { ClusterAccess } from "#domain/topology.ts";
import { unique } from "#support/unique.ts";

export type DriverUnderTest = {
  readonly driver: ClientDriver;
  /** Everything that the application's side was told so far, in order, as text. */
  told(): Promise<readonly string[]>;
  /** Whether the application's side refuses what it is asked from now on. */
  refuse(refusing: boolean): Promise<void>;
  close(): Promise<void>;
};

const access: ClusterAccess = {
  bootstrap: ["b-1.contract:9096", "b-2.contract:9096"],
  protocol: "SASL_SSL",
  sasl: { mechanism: "SCRAM-SHA-512", username: "app", password: "hunter2" },
};

function orUnknown(place: string): unknown {
  return expect.stringMatching(new RegExp(`^(?:${place}|unknown: .+)$`, "u"));
}

/** What every switch driver must do; run on the fake, on a command, a webhook, Kubernetes, and people. */
export function clientDriverContract(name: string, open: () => Promise<DriverUnderTest>): void {
  describe(`${name}: the client driver's contract`, () => {
    let under: DriverUnderTest;
    let driver: ClientDriver;
    beforeAll(async () => {
      under = await open();
      driver = under.driver;
    });
    afterAll(() => under.close());

    /** It may not know; then it says why. */
    async function whereabouts(): Promise<string> {
      const answer = await driver.status();
      return answer.known ? answer.value : `unknown: ${answer.why}`;
    }

    it("stops, and starts on either cluster", async () => {
      for (const place of ["source", "target", "source"] as const) {
        await driver.stop(unique("request"));
        expect(await whereabouts()).toEqual(orUnknown("stopped"));
        await driver.start(place, access, unique("request"));
        expect(await whereabouts()).toEqual(orUnknown(place));
      }
    });

    it("does for a repeated request what it did for the first", async () => {
      const [stop, start] = [unique("request"), unique("request")];
      await driver.stop(stop);
      await driver.stop(stop);
      expect(await whereabouts()).toEqual(orUnknown("stopped"));
      await driver.start("target", access, start);
      await driver.start("target", access, start);
      expect(await whereabouts()).toEqual(orUnknown("target"));
    });

    it("tells which request it is, which cluster and how to reach it, and never the password", async () => {
      const request = unique("request");
      await driver.start("target", access, request);
      const told = (await under.told()).join("\n");
      for (const word of [request, "target", "b-1.contract:9096,b-2.contract:9096", "SASL_SSL"]) {
        expect(told).toContain(word);
      }
      expect(told).not.toContain("hunter2");
    });

    it("fails with E_CLIENT_DRIVER when it is refused, and does it when it is not any more", async () => {
      await driver.start("source", access, unique("request"));
      await under.refuse(true);
      const refused = { code: "E_CLIENT_DRIVER", message: expect.stringContaining("contract-app") };
      await expect(driver.stop(unique("request"))).rejects.toMatchObject(refused);
      await expect(driver.start("target", access, unique("request"))).rejects.toMatchObject(refused);
      expect(await whereabouts()).toEqual(orUnknown("source"));
      await under.refuse(false);
      await driver.stop(unique("request"));
      await driver.start("target", access, unique("request"));
      expect(await whereabouts()).toEqual(orUnknown("target"));
    });
  });
}
