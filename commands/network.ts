import { type Context, command, enqueue, from, nothing } from "./command.ts";

const probes = "probes each path: DNS, TCP, TLS, SASL, authorization";

function will(context: Context): string {
  const { kind } = context.migration.settings.source.network;
  if (kind !== "peering") return `Changes nothing: checks the path to MSK that is there and ${probes}.`;
  return `Creates what the peering still lacks (connection, routes, security groups, DNS), then ${probes}.`;
}

export const network = command({
  name: "network",
  usage: "network",
  summary: "Connects the two networks and probes each path.",
  who: "members",
  parse: nothing,
  run: (_, context) =>
    enqueue(context, { name: "network", ...from(context) }, { subject: "network", will: will(context) }),
});
