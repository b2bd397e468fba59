import { defineConfig } from "vitest/config";

/** Three projects, one after the other, so that quick ones can be run alone: `npx vitest run --project unit`. */
export default defineConfig({
  test: {
    expect: { requireAssertions: true },
    // KafkaJS computes negative timeouts, which Node 24 remarks on.
    execArgv: ["--disable-warning=TimeoutNegativeWarning"],
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          sequence: { groupOrder: 1 },
          include: ["test/{domain,commands,jobs,adapters,docs}/**/*.test.ts", "test/*.test.ts"],
          exclude: ["test/{story,chaos}.test.ts", "test/**/*.real.test.ts"],
          testTimeout: 20_000,
          maxWorkers: 2,
        },
      },
      {
        extends: true,
        test: {
          name: "real",
          sequence: { groupOrder: 2 },
          include: ["test/**/*.real.test.ts"],
          globalSetup: ["test/support/lab-for-tests.ts"],
          testTimeout: 120_000,
          hookTimeout: 180_000,
          // Mostly waiting for brokers, and every name is unique: two files at a time share one lab.
          maxWorkers: 2,
        },
      },
      {
        extends: true,
        test: {
          name: "story",
          sequence: { groupOrder: 3 },
          include: ["test/{story,chaos}.test.ts"],
          testTimeout: 900_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
