// Adds up vitest's JSON report and prints the last line of .ci/run. A file that could not even be loaded counts as one
// failed test. Exits 1 when something failed, when there is no report, and when no test ran.
import { readFileSync } from "node:fs";

const [path] = process.argv.slice(2);

function read() {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return { testResults: [] };
  }
}

const { testResults } = read();
const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
const unloaded = testResults.filter(
  ({ status, assertionResults }) =>
    status === "failed" && !assertionResults.some((test) => test.status === "failed"),
).length;
const passed = tests.filter(({ status }) => status === "passed").length;
const failed = tests.filter(({ status }) => status === "failed").length + unloaded;
const skipped = tests.length - passed - (failed - unloaded);

process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
