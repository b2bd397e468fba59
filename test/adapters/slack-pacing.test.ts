import { expect, test } from "vitest";
import { createPacer, slackPace } from "#adapters/slack/pacing.ts";
import { createHandClock } from "#support/hand-clock.ts";

function setup() {
  const clock = createHandClock();
  const ended = new AbortController();
  const begin = clock.now();
  const sent: string[] = [];
  const note = (what: string) => async () => void sent.push(`${what} at ${clock.now() - begin}`);
  return { clock, ended, sent, note, pacer: createPacer(clock, ended.signal, slackPace) };
}

test("a burst goes at once, then one a second", async () => {
  const { clock, pacer, sent, note } = setup();
  const all = ["a", "b", "c", "d", "e"].map((each) => pacer.send("C0", note(each)));
  await clock.advance(0);
  await clock.advance(10_000);
  await Promise.all(all);
  expect(sent).toEqual(["a at 0", "b at 0", "c at 0", "d at 1000", "e at 2000"]);
});

test("channels do not wait for each other", async () => {
  const { clock, pacer, sent, note } = setup();
  const all = ["a", "b", "c", "d"].map((each) => pacer.send("C0", note(each)));
  await pacer.send("C1", note("other"));
  expect(sent).toContain("other at 0");
  await clock.advance(0);
  await clock.advance(10_000);
  await Promise.all(all);
});

test("waiting updates of one message become the last one, and posts go first", async () => {
  const { clock, pacer, sent, note } = setup();
  const burst = ["a", "b", "c"].map((each) => pacer.send("C0", note(each)));
  const updates = ["1", "2", "3"].map((each) => pacer.latest("C0", "m", note(`update ${each}`)));
  const post = pacer.send("C0", note("post"));
  await clock.advance(0);
  await clock.advance(10_000);
  await Promise.all([...burst, ...updates, post]);
  expect(sent).toEqual(["a at 0", "b at 0", "c at 0", "post at 1000", "update 3 at 2000"]);
});

test("a failing send fails alone", async () => {
  const { clock, pacer, sent, note } = setup();
  const failed = pacer.send("C0", () => Promise.reject(new Error("no")));
  const next = pacer.send("C0", note("next"));
  await expect(failed).rejects.toThrow("no");
  await clock.advance(0);
  await next;
  expect(sent).toEqual(["next at 0"]);
});

test("what still waits at the end is refused, not forgotten", async () => {
  const { pacer, ended, note } = setup();
  const all = ["a", "b", "c", "d"].map((each) => pacer.send("C0", note(each)));
  const update = pacer.latest("C0", "m", note("update"));
  await Promise.all(all.slice(0, 3));
  ended.abort(new Error("stopped"));
  await expect(all[3]).rejects.toMatchObject({ code: "E_SLACK" });
  await expect(update).rejects.toMatchObject({ code: "E_SLACK" });
  await pacer.idle();
});
