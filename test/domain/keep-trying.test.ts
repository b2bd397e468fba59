import { expect, test } from "vitest";
import { FerryError } from "#domain/errors.ts";
import { keepTrying } from "#domain/keep-trying.ts";
import { createHandClock } from "#support/hand-clock.ts";

function setup(failures: readonly FerryError[]) {
  const clock = createHandClock();
  const stop = new AbortController();
  const begin = clock.now();
  const seconds: number[] = [];
  const said: string[] = [];
  const left = [...failures];
  const result = keepTrying(
    {
      clock,
      signal: stop.signal,
      onTrouble: ({ code, message }) => void said.push(`${code} ${message}`),
      onBack: (times) => void said.push(`back after ${times}`),
    },
    async () => {
      seconds.push((clock.now() - begin) / 1000);
      const error = left.shift();
      if (error !== undefined) throw error;
      return "value";
    },
  );
  return { clock, stop, result, seconds, said };
}

const away = (why = "away") => new FerryError("E_SLACK", why);

test("pauses grow from 1 s to 30 s, and an outage is told once, with its end", async () => {
  const { clock, result, seconds, said } = setup(Array.from({ length: 8 }, () => away()));
  await clock.advance(0);
  await clock.advance(200_000);
  expect(await result).toBe("value");
  expect(seconds).toEqual([0, 1, 3, 7, 15, 31, 61, 91, 121]);
  expect(said).toEqual(["E_SLACK away", "back after 8"]);
});

test("another kind of trouble is told too", async () => {
  const { clock, result, said } = setup([away(), away("refused"), away("refused")]);
  await clock.advance(0);
  await clock.advance(60_000);
  await result;
  expect(said).toEqual(["E_SLACK away", "E_SLACK refused", "back after 3"]);
});

test("what works at once is not worth a word", async () => {
  const { result, said } = setup([]);
  expect(await result).toBe("value");
  expect(said).toEqual([]);
});

test("what no try can mend is thrown", async () => {
  const { result, said } = setup([new FerryError("E_SETTINGS", "PORT: saw 80")]);
  await expect(result).rejects.toMatchObject({ code: "E_SETTINGS" });
  expect(said).toEqual([]);
});

test("a stop ends the waiting with its reason", async () => {
  const { clock, stop, result, seconds } = setup([away(), away()]);
  await clock.advance(0);
  stop.abort(new FerryError("E_SLACK", "stopped"));
  await expect(result).rejects.toThrow("stopped");
  expect(seconds).toEqual([0]);
});
