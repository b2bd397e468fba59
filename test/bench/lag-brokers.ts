import { createInterface } from "node:readline";
import { openFakeBrokers } from "#support/fake-brokers/open.ts";
import { fixtureOf } from "./lag-fixture.ts";

/** The fake brokers of `npm run bench -- lag` as a process of their own, so that their work is not the sweep's. */

const [topics = "2500", groups = "500"] = process.argv.slice(2);
const fixture = fixtureOf({ topics: Number(topics), groups: Number(groups) });
const brokers = await openFakeBrokers({ brokers: 3 });
for (const [at, name] of fixture.topics.entries()) {
  brokers.addTopic(name, fixture.partitionsPerTopic, { start: at, end: 5_000_000_000 + at });
}
for (const [id, offsets] of fixture.groups) brokers.addGroup(id, { offsets });
process.stdout.write(`${JSON.stringify({ bootstrap: brokers.bootstrap })}\n`);
// Until whoever started it closes its standard input.
for await (const _ of createInterface(process.stdin)) continue;
await brokers[Symbol.asyncDispose]();
