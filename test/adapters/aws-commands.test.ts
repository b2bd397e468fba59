import { globSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { mskActions, networkActions, replicatorActions } from "#domain/export/iam-actions.ts";

const root = new URL("../../", import.meta.url).pathname;

/** IAM's prefix of each client's actions. */
const services = new Map([
  ["kafka", "kafka"],
  ["ec2", "ec2"],
  ["cloudwatch", "cloudwatch"],
  ["application-auto-scaling", "application-autoscaling"],
]);

/** Whatever label a call carries in the log: what is imported is what can be sent. */
it("has in the policy's tables each command of AWS that any file imports, and no other", () => {
  const imported = globSync("{src,jobs,commands}/**/*.ts", { cwd: root }).flatMap((file) => {
    const text = readFileSync(`${root}${file}`, "utf8");
    const imports = text.matchAll(/import (?:type )?\{([^}]*)\} from "@aws-sdk\/client-([\w-]+)"/g);
    return [...imports].flatMap(([, names = "", client = ""]) => {
      const commands = names.matchAll(/\b(?:paginate([A-Z]\w*)|([A-Z]\w*)Command)\b/g);
      return [...commands].map(([, paged, sent]) => `${services.get(client) ?? client}:${paged ?? sent}`);
    });
  });
  expect(imported.length).toBeGreaterThan(25);
  const tables = [mskActions, networkActions, replicatorActions].flatMap((table) => Object.values(table));
  expect([...new Set(imported)].toSorted()).toEqual([...new Set(tables.flat())].toSorted());
});
