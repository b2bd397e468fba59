import { describe, expect, it } from "vitest";
import { cancel } from "#jobs/approval/cancel.ts";
import { ask } from "#jobs/approval/request.ts";
import { changeRequest } from "#jobs/approval/request-store.ts";
import { runIdOf } from "#jobs/run/run.ts";
import { approvedByTwo, asked, jobOf } from "#support/approval-bench.ts";

describe("while a run is stuck half-way back", () => {
  it("nothing is asked for until somebody who may approve says that it is repaired", async () => {
    const at = await asked();
    await beStuck(at);
    const again = () => ask(at.approvable, "cutover-consumers", { wave: "billing", by: "UANA" }, other(at));
    await expect(again()).rejects.toMatchObject({ code: "E_PHASE", message: expect.stringContaining(at.id) });
    await expect(cancel(jobOf("cancel", at, "UGUEST"), at.work)).rejects.toMatchObject({
      code: "E_APPROVAL",
    });
    await expect(again()).rejects.toMatchObject({ code: "E_PHASE" });
    await cancel(jobOf("cancel", at, "UBEN"), at.work);
    await expect(again()).resolves.toMatchObject({ kind: "done" });
    expect(await at.audited()).toContain("run.repaired UBEN");
  });

  it("what was approved before does not start", async () => {
    const at = await approvedByTwo();
    const earlier = await asked({ store: at.work.store });
    await beStuck(earlier, "ZZZZ");
    await expect(at.execute()).rejects.toMatchObject({ code: "E_PHASE" });
    expect(at.state.on).toBe(0);
  });
});

type Bench = Awaited<ReturnType<typeof asked>>;

function other({ work }: Bench) {
  return { ...work, jobId: "job-2" };
}

/** As `execute` leaves it after `E_UNDO_FAILED`; as a further request when `id` is given. */
async function beStuck({ work, now }: Bench, id?: string): Promise<void> {
  const { store } = work;
  const request = await now();
  const failed = { ...request, id: id ?? request.id, state: "failed", settled: true } as const;
  if (id === undefined) await changeRequest(store, "orders", request.id, () => failed);
  else await store.write(`request:orders:${id}`, failed);
  await store.write(`journal:${runIdOf(failed)}`, { state: "stuck", passed: false, entries: [] });
}
