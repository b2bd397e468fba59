import {
  AcceptVpcPeeringConnectionCommand,
  AuthorizeSecurityGroupIngressCommand,
  CreateRouteCommand,
  CreateTagsCommand,
  CreateVpcPeeringConnectionCommand,
  DeleteRouteCommand,
  DeleteVpcPeeringConnectionCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  DescribeVpcsCommand,
  ModifyVpcPeeringConnectionOptionsCommand,
  paginateDescribeRouteTables,
  paginateDescribeVpcPeeringConnections,
  RevokeSecurityGroupIngressCommand,
} from "@aws-sdk/client-ec2";
import { FerryError } from "#domain/errors.ts";
import {
  isGone,
  type Network,
  type Peering,
  type RouteTable,
  type Subnet,
  type Vpc,
} from "#domain/network.ts";
import { type Connection, connectEc2, type Ec2Options } from "./ec2-connection.ts";
import { gateways } from "./ec2-gateways.ts";
import {
  destinationOf,
  ingressOf,
  peeringOf,
  permissionOf,
  routeTableOf,
  subnetOf,
  tagList,
  vpcOf,
} from "./ec2-shapes.ts";

/** The VPCs of one account in one Region. */
export function createNetwork(options: Ec2Options): Network {
  const aws = connectEc2(options);
  return { ...vpcs(aws), ...peerings(aws), ...routes(aws), ...securityGroups(aws), ...gateways(aws) };
}

async function findVpc({ ec2, ask }: Connection, id: string): Promise<Vpc> {
  const { Vpcs } = await ask("DescribeVpcs", id, () => ec2.send(new DescribeVpcsCommand({ VpcIds: [id] })));
  return vpcOf(Vpcs?.[0]);
}

async function findSubnets({ ec2, ask }: Connection, ids: readonly string[]): Promise<readonly Subnet[]> {
  const { Subnets = [] } = await ask("DescribeSubnets", ids.join(", "), () =>
    ec2.send(new DescribeSubnetsCommand({ SubnetIds: [...ids] })),
  );
  return Subnets.map(subnetOf);
}

function vpcs(aws: Connection): Pick<Network, "vpc" | "vpcOfSubnets" | "subnets"> {
  return {
    vpc: (id) => findVpc(aws, id),
    subnets: (ids) => findSubnets(aws, ids),
    vpcOfSubnets: async (ids) => {
      const subnets = await findSubnets(aws, ids);
      const [id, ...others] = new Set(subnets.map(({ vpc }) => vpc));
      if (id === undefined || others.length > 0) {
        const where = subnets.map((each) => `${each.id} in ${each.vpc}`).join(", ");
        throw new FerryError(
          "E_AWS_REFUSED",
          `The subnets must be of one VPC: ${where || "none was found"}.`,
        );
      }
      return findVpc(aws, id);
    },
  };
}

async function findPeerings({ ec2, ask }: Connection, a: string, b: string): Promise<readonly Peering[]> {
  return await ask("DescribeVpcPeeringConnections", `${a} and ${b}`, async () => {
    const found: Peering[] = [];
    for (const [requester, accepter] of [
      [a, b],
      [b, a],
    ] as const) {
      const Filters = [
        { Name: "requester-vpc-info.vpc-id", Values: [requester] },
        { Name: "accepter-vpc-info.vpc-id", Values: [accepter] },
      ];
      for await (const page of paginateDescribeVpcPeeringConnections({ client: ec2 }, { Filters }))
        found.push(...(page.VpcPeeringConnections ?? []).map(peeringOf));
    }
    return found.filter(({ state }) => state !== "deleted");
  });
}

async function peeringById({ ec2, ask }: Connection, id: string): Promise<Peering | undefined> {
  return await ask("DescribeVpcPeeringConnections", id, async () => {
    const Filters = [{ Name: "vpc-peering-connection-id", Values: [id] }];
    for await (const page of paginateDescribeVpcPeeringConnections({ client: ec2 }, { Filters })) {
      const [found] = page.VpcPeeringConnections ?? [];
      if (found !== undefined) return peeringOf(found);
    }
    return undefined;
  });
}

async function livingPeering(aws: Connection, requester: string, accepter: string): Promise<Peering> {
  const alive = (await findPeerings(aws, requester, accepter)).find(({ state }) => !isGone(state));
  if (alive !== undefined) return alive;
  throw new FerryError(
    "E_AWS_UNREACHABLE",
    `${requester} and ${accepter} are peered, but AWS does not list the connection yet.`,
  );
}

async function mustBeAccepted(aws: Connection, id: string): Promise<void> {
  const now = await peeringById(aws, id);
  if (now?.state === "active" || now?.state === "provisioning") return;
  throw new FerryError("E_AWS_REFUSED", `${id} is ${now?.state ?? "gone"} and cannot be accepted.`);
}

async function mustBeGone(aws: Connection, id: string): Promise<void> {
  const now = await peeringById(aws, id);
  if (now === undefined || isGone(now.state)) return;
  throw new FerryError("E_AWS_REFUSED", `${id} is ${now.state} and cannot be deleted now.`);
}

function peerings(
  aws: Connection,
): Pick<
  Network,
  "peerings" | "createPeering" | "acceptPeering" | "tagPeering" | "resolveDns" | "deletePeering"
> {
  const { ec2, change } = aws;
  return {
    peerings: (a, b) => findPeerings(aws, a, b),
    createPeering: (requester, accepter, tags, elsewhere) =>
      change(
        "CreateVpcPeeringConnection",
        `${requester} to ${accepter}`,
        async () => {
          const { VpcPeeringConnection } = await ec2.send(
            new CreateVpcPeeringConnectionCommand({
              VpcId: requester,
              PeerVpcId: accepter,
              ...(elsewhere === undefined
                ? {}
                : { PeerOwnerId: elsewhere.owner, PeerRegion: elsewhere.region }),
              TagSpecifications: [{ ResourceType: "vpc-peering-connection", Tags: tagList(tags) }],
            }),
          );
          return peeringOf(VpcPeeringConnection);
        },
        {
          names: ["VpcPeeringConnectionAlreadyExists"],
          answer: () => livingPeering(aws, requester, accepter),
        },
      ),
    acceptPeering: (id) =>
      change(
        "AcceptVpcPeeringConnection",
        id,
        async () => void (await ec2.send(new AcceptVpcPeeringConnectionCommand(named(id)))),
        {
          names: ["InvalidStateTransition"],
          answer: () => mustBeAccepted(aws, id),
        },
      ),
    tagPeering: (id, tags) =>
      change("CreateTags", id, async () => {
        await ec2.send(new CreateTagsCommand({ Resources: [id], Tags: tagList(tags) }));
      }),
    resolveDns: (id, side) =>
      change("ModifyVpcPeeringConnectionOptions", id, async () => void (await ec2.send(dnsOption(id, side)))),
    deletePeering: (id) =>
      change(
        "DeleteVpcPeeringConnection",
        id,
        async () => void (await ec2.send(new DeleteVpcPeeringConnectionCommand(named(id)))),
        {
          names: ["InvalidVpcPeeringConnectionID.NotFound", "InvalidStateTransition"],
          answer: () => mustBeGone(aws, id),
        },
      ),
  };
}

function named(id: string) {
  return { VpcPeeringConnectionId: id };
}

function dnsOption(
  id: string,
  side: "both" | "requester" | "accepter",
): ModifyVpcPeeringConnectionOptionsCommand {
  const resolves = { AllowDnsResolutionFromRemoteVpc: true };
  return new ModifyVpcPeeringConnectionOptionsCommand({
    ...named(id),
    ...(side === "requester" ? {} : { AccepterPeeringConnectionOptions: resolves }),
    ...(side === "accepter" ? {} : { RequesterPeeringConnectionOptions: resolves }),
  });
}

async function findTables(
  { ec2, ask }: Connection,
  filter: { readonly Name: string; readonly Values: string[] },
): Promise<readonly RouteTable[]> {
  return await ask("DescribeRouteTables", filter.Values.join(", "), async () => {
    const found: RouteTable[] = [];
    for await (const page of paginateDescribeRouteTables({ client: ec2 }, { Filters: [filter] }))
      found.push(...(page.RouteTables ?? []).map(routeTableOf));
    return found;
  });
}

function routes(aws: Connection): Pick<Network, "routeTables" | "createRoute" | "deleteRoute"> {
  const { ec2, change } = aws;
  return {
    routeTables: (vpc) => findTables(aws, { Name: "vpc-id", Values: [vpc] }),
    createRoute: (table, destination, peering) =>
      change(
        "CreateRoute",
        `${destination} in ${table}`,
        async () => {
          await ec2.send(
            new CreateRouteCommand({ RouteTableId: table, ...destinationOf(destination), ...named(peering) }),
          );
        },
        {
          names: ["RouteAlreadyExists"],
          answer: async () => {
            const [found] = await findTables(aws, { Name: "route-table-id", Values: [table] });
            const route = found?.routes.find((each) => each.destination === destination);
            if (route?.target === peering) return;
            throw new FerryError(
              "E_AWS_REFUSED",
              `${table} sends ${destination} to ${route?.target ?? "another target"} already, not to ${peering}.`,
            );
          },
        },
      ),
    deleteRoute: (table, destination) =>
      change(
        "DeleteRoute",
        `${destination} in ${table}`,
        async () => {
          await ec2.send(new DeleteRouteCommand({ RouteTableId: table, ...destinationOf(destination) }));
        },
        { names: ["InvalidRoute.NotFound"], answer: async () => {} },
      ),
  };
}

function securityGroups(aws: Connection): Pick<Network, "ingress" | "allowIngress" | "revokeIngress"> {
  const { ec2, ask, change } = aws;
  return {
    ingress: async (group) => {
      const { SecurityGroups } = await ask("DescribeSecurityGroups", group, () =>
        ec2.send(new DescribeSecurityGroupsCommand({ GroupIds: [group] })),
      );
      return ingressOf(SecurityGroups?.[0]);
    },
    allowIngress: (group, rule, tags) =>
      change(
        "AuthorizeSecurityGroupIngress",
        group,
        async () => {
          const IpPermissions = [permissionOf(rule)];
          const TagSpecifications = [{ ResourceType: "security-group-rule" as const, Tags: tagList(tags) }];
          await ec2.send(
            new AuthorizeSecurityGroupIngressCommand({ GroupId: group, IpPermissions, TagSpecifications }),
          );
        },
        { names: ["InvalidPermission.Duplicate"], answer: async () => {} },
      ),
    revokeIngress: (group, rule) =>
      change(
        "RevokeSecurityGroupIngress",
        group,
        async () => {
          const IpPermissions = [permissionOf(rule)];
          await ec2.send(new RevokeSecurityGroupIngressCommand({ GroupId: group, IpPermissions }));
        },
        { names: ["InvalidPermission.NotFound"], answer: async () => {} },
      ),
  };
}
