import { command, enqueue, from, nothing } from "./command.ts";

export const provision = command({
  name: "provision",
  usage: "provision",
  summary: "Creates or adopts the MSK cluster and waits until it is ACTIVE.",
  who: "members",
  parse: nothing,
  run(_, context) {
    const { cluster, region } = context.migration.settings.target;
    return enqueue(
      context,
      { name: "provision", ...from(context) },
      {
        subject: "provision",
        will: `Creates MSK cluster \`${cluster}\` in ${region} as planned, or adopts the one that exists, and waits until it is ACTIVE. AWS charges for it from then on. No application is touched.`,
      },
    );
  },
});
