import { brokerPort } from "./provisioning.ts";
import type { Migration } from "./settings.ts";
import type { Block } from "./terraform-json.ts";

/**
 * The way between the two VPCs as `/ferry network` would make it: a peering, routes on both sides, the ports that must be
 * open, names resolved across. Nothing where others made the way. Account and Region are one, as the bot itself has it.
 */
export function networkFiles(migration: Migration): ReadonlyArray<readonly [string, Block]> {
  const { network } = migration.settings.source;
  if (network.kind !== "peering" || network.vpc === undefined) return [];
  return [
    [
      "network",
      {
        data: lookups(network.vpc, migration),
        resource: { ...peering(), aws_route: routes(migration), ...ingress(migration) },
      },
    ],
  ];
}

function lookups(vpc: string, { settings }: Migration): Block {
  return {
    aws_subnet: { target: { id: settings.target.subnets[0] ?? "" } },
    aws_vpc: { source: { id: vpc }, target: { id: "${data.aws_subnet.target.vpc_id}" } },
    aws_route_tables: {
      source: { vpc_id: "${data.aws_vpc.source.id}" },
      target: { vpc_id: "${data.aws_vpc.target.id}" },
    },
  };
}

function peering(): Block {
  const resolve = { allow_remote_vpc_dns_resolution: true };
  return {
    aws_vpc_peering_connection: {
      ferry: {
        vpc_id: "${data.aws_vpc.source.id}",
        peer_vpc_id: "${data.aws_vpc.target.id}",
        auto_accept: true,
      },
    },
    aws_vpc_peering_connection_options: {
      ferry: {
        vpc_peering_connection_id: "${aws_vpc_peering_connection.ferry.id}",
        accepter: resolve,
        requester: resolve,
      },
    },
  };
}

/** Every block of the other VPC in every table: a VPC may have more than one block. */
function routes({ settings }: Migration): Block {
  const named = settings.source.network.routeTables;
  const ofSource =
    named.length === 0 ? "data.aws_route_tables.source.ids" : `[${named.map((id) => `"${id}"`).join(", ")}]`;
  return {
    from_source: routeBlock(ofSource, "target"),
    from_target: routeBlock("data.aws_route_tables.target.ids", "source"),
  };
}

function routeBlock(tables: string, to: "source" | "target"): Block {
  const pairs = `setproduct(${tables}, data.aws_vpc.${to}.cidr_block_associations[*].cidr_block)`;
  return {
    for_each: `\${{ for pair in ${pairs} : "\${pair[0]} \${pair[1]}" => pair }}`,
    route_table_id: "${each.value[0]}",
    destination_cidr_block: "${each.value[1]}",
    vpc_peering_connection_id: "${aws_vpc_peering_connection.ferry.id}",
  };
}

function ingress({ name, settings }: Migration): Block {
  const ports = new Set(
    settings.source.bootstrap.map((each) => Number(each.slice(each.lastIndexOf(":") + 1))),
  );
  const [ofTarget = ""] = settings.target.securityGroups;
  const [ofSource] = settings.source.network.securityGroups;
  const toSource =
    ofSource === undefined
      ? []
      : [...ports].map((port) => [`source_${port}`, rule(name, ofSource, port, "target")] as const);
  const port = brokerPort(settings.target);
  return {
    aws_vpc_security_group_ingress_rule: {
      [`msk_${port}`]: rule(name, ofTarget, port, "source"),
      ...Object.fromEntries(toSource),
    },
  };
}

function rule(migration: string, group: string, port: number, from: "source" | "target"): Block {
  return {
    for_each: `\${toset(data.aws_vpc.${from}.cidr_block_associations[*].cidr_block)}`,
    security_group_id: group,
    cidr_ipv4: "${each.value}",
    ip_protocol: "tcp",
    from_port: port,
    to_port: port,
    description: `MSK Ferry, migration ${migration}`,
  };
}
