import { ingressByGroup } from "#domain/network/ingress-by.ts";
import { brokerPort } from "#domain/plan/provisioning.ts";
import type { Migration, MigrationSettings } from "#domain/settings.ts";
import type { Block } from "./terraform-json.ts";

/**
 * The way between the two VPCs as `/ferry network` would make it: a peering, routes on both sides, the ports that must be
 * open, names resolved across. Nothing where others made the way. IPv4 only.
 */
export function networkFiles(migration: Migration): ReadonlyArray<readonly [string, Block]> {
  const { source } = migration.settings;
  if (source.network.kind !== "peering" || source.network.vpc === undefined) return [];
  const across = hasSourceProvider(source);
  const way = across ? peeringAcross(migration.settings) : peeringWithin();
  return [
    [
      "network",
      {
        data: lookups(source.network.vpc, migration),
        resource: { ...way, aws_route: routes(migration), ...ingress(migration) },
      },
    ],
  ];
}

/** Whether the source's VPC is of another account or Region, and reached by the provider `aws.source`. */
export function hasSourceProvider({ network }: MigrationSettings["source"]): boolean {
  return network.kind === "peering" && network.accepter !== undefined;
}

type Side = "source" | "target";

/** What lies on the source's side belongs to its provider. */
function providerOf(side: Side, { settings }: Migration): Block {
  return side === "source" && hasSourceProvider(settings.source) ? { provider: "aws.source" } : {};
}

/** To be read from what accepts, so that nothing uses a peering that nobody has accepted. */
function peeringId({ settings }: Migration): string {
  return `\${${acceptedBy(settings)}.id}`;
}

function acceptedBy({ source }: MigrationSettings): string {
  return hasSourceProvider(source)
    ? "aws_vpc_peering_connection_accepter.ferry"
    : "aws_vpc_peering_connection.ferry";
}

function lookups(vpc: string, migration: Migration): Block {
  const ofSource = providerOf("source", migration);
  return {
    aws_subnet: { target: { id: migration.settings.target.subnets[0] ?? "" } },
    aws_vpc: { source: { ...ofSource, id: vpc }, target: { id: "${data.aws_subnet.target.vpc_id}" } },
    aws_route_tables: {
      source: { ...ofSource, vpc_id: "${data.aws_vpc.source.id}" },
      target: { vpc_id: "${data.aws_vpc.target.id}" },
    },
  };
}

const resolve = { allow_remote_vpc_dns_resolution: true };

function peeringWithin(): Block {
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

/** MSK's side asks and the source's accepts, as the bot does it; each sets its own options. */
function peeringAcross({ source, target }: MigrationSettings): Block {
  const region = source.network.accepter?.region ?? target.region;
  const accepted = { vpc_peering_connection_id: "${aws_vpc_peering_connection_accepter.ferry.id}" };
  return {
    aws_vpc_peering_connection: {
      ferry: {
        vpc_id: "${data.aws_vpc.target.id}",
        peer_vpc_id: "${data.aws_vpc.source.id}",
        peer_owner_id: "${data.aws_vpc.source.owner_id}",
        ...(region === target.region ? {} : { peer_region: region }),
        auto_accept: false,
      },
    },
    aws_vpc_peering_connection_accepter: {
      ferry: {
        provider: "aws.source",
        vpc_peering_connection_id: "${aws_vpc_peering_connection.ferry.id}",
        auto_accept: true,
      },
    },
    aws_vpc_peering_connection_options: {
      requester: { ...accepted, requester: resolve },
      accepter: { provider: "aws.source", ...accepted, accepter: resolve },
    },
  };
}

/** Every block of the other VPC in every table: a VPC may have more than one block. */
function routes(migration: Migration): Block {
  const named = migration.settings.source.network.routeTables;
  const ofSource =
    named.length === 0 ? "data.aws_route_tables.source.ids" : `[${named.map((id) => `"${id}"`).join(", ")}]`;
  return {
    from_source: { ...providerOf("source", migration), ...routeBlock(ofSource, "target", migration) },
    from_target: routeBlock("data.aws_route_tables.target.ids", "source", migration),
  };
}

function routeBlock(tables: string, to: Side, migration: Migration): Block {
  const pairs = `setproduct(${tables}, data.aws_vpc.${to}.cidr_block_associations[*].cidr_block)`;
  return {
    for_each: `\${{ for pair in ${pairs} : "\${pair[0]} \${pair[1]}" => pair }}`,
    route_table_id: "${each.value[0]}",
    destination_cidr_block: "${each.value[1]}",
    vpc_peering_connection_id: peeringId(migration),
  };
}

function ingress(migration: Migration): Block {
  const { source, target } = migration.settings;
  const ports = new Set(source.bootstrap.map((each) => Number(each.slice(each.lastIndexOf(":") + 1))));
  const [ofTarget = ""] = target.securityGroups;
  const [ofSource] = source.network.securityGroups;
  const toSource =
    ofSource === undefined
      ? []
      : [...ports].map(
          (port) => [`source_${port}`, rule(migration, { group: ofSource, port, side: "source" })] as const,
        );
  const port = brokerPort(target);
  return {
    aws_vpc_security_group_ingress_rule: {
      [`msk_${port}`]: rule(migration, { group: ofTarget, port, side: "target" }),
      ...Object.fromEntries(toSource),
    },
  };
}

type Door = { readonly group: string; readonly port: number; readonly side: Side };

function rule(migration: Migration, { group, port, side }: Door): Block {
  return {
    ...providerOf(side, migration),
    ...letIn(migration.settings, side === "source" ? "target" : "source"),
    security_group_id: group,
    ip_protocol: "tcp",
    from_port: port,
    to_port: port,
    description: `MSK Ferry, migration ${migration.name}`,
  };
}

/** A group of another account is named with its account, one of the same without (provider, referenced_security_group_id). */
function letIn(settings: MigrationSettings, from: Side): Block {
  if (!ingressByGroup(settings).holds) {
    return {
      for_each: `\${toset(data.aws_vpc.${from}.cidr_block_associations[*].cidr_block)}`,
      cidr_ipv4: "${each.value}",
    };
  }
  const { securityGroups } = from === "source" ? settings.source.network : settings.target;
  const owner = `data.aws_vpc.${from}.owner_id`;
  const same = "data.aws_vpc.source.owner_id == data.aws_vpc.target.owner_id";
  return {
    for_each: `\${toset([${securityGroups.map((id) => `"${id}"`).join(", ")}])}`,
    referenced_security_group_id: `\${${same} ? each.value : "\${${owner}}/\${each.value}"}`,
    // Taken across an active peering only.
    depends_on: [acceptedBy(settings)],
  };
}
