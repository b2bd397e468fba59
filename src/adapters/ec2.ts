import {
  AcceptVpcPeeringConnectionCommand,
  AuthorizeSecurityGroupIngressCommand,
  CreateRouteCommand,
  CreateVpcPeeringConnectionCommand,
  DeleteRouteCommand,
  DeleteVpcPeeringConnectionCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  DescribeVpcsCommand,
  EC2Client,
  ModifyVpcPeeringConnectionOptionsCommand,
  paginateDescribeRouteTables,
  paginateDescribeVpcPeeringConnections,
  RevokeSecurityGroupIngressCommand,
} from "@aws-sdk/client-ec2";
import { FerryError } from "#domain/errors.ts";
import { isGone, type Network, type Peering, type RouteTable, type Vpc } from "#domain/network.ts";
import type { Log } from "#domain/ports.ts";
import { awsSettings, callAws } from "./aws.ts";
import {
  destinationOf,
  ingressOf,
  peeringOf,
  permissionOf,
  routeTableOf,
  tagList,
  vpcOf,
} from "./ec2-shapes.ts";

type Connection = {
  readonly ec2: EC2Client;
  readonly ask: <T>(operation: string, resource: string, send: () => Promise<T>) => Promise<T>;
  /** `settled`: AWS's names for "it is so already", and what is answered then. */
  readonly change: <T>(
    operation: string,
    resource: string,
    send: () => Promise<T>,
    settled?: { readonly names: readonly string[]; readonly answer: () => Promise<T> },
  ) => Promise<T>;
};

/** The VPCs of one account in one Region. */
export function createNetwork(options: { readonly region: string; readonly log: Log }): Network {
  const aws = connect(options.region, options.log);
  return { ...vpcs(aws), ...peerings(aws), ...routes(aws), ...securityGroups(aws) };
}

function connect(region: string, log: Log): Connection {
  return {
    ec2: new EC2Client(awsSettings(region)),
    ask: (operation, resource, send) => callAws(log, { action: `ec2:${operation}`, resource }, send),
    change: (operation, resource, send, settled) =>
      callAws(log, { action: `ec2:${operation}`, resource, changes: true }, send, (name) =>
        settled?.names.includes(name) === true ? settled.answer : undefined,
      ),
  };
}

async function findVpc({ ec2, ask }: Connection, id: string): Promise<Vpc> {
  const { Vpcs } = await ask("DescribeVpcs", id, () => ec2.send(new DescribeVpcsCommand({ VpcIds: [id] })));
  return vpcOf(Vpcs?.[0]);
}

function vpcs(aws: Connection): Pick<Network, "vpc" | "vpcOfSubnets"> {
  const { ec2, ask } = aws;
  return {
    vpc: (id) => findVpc(aws, id),
    vpcOfSubnets: async (subnets) => {
      const { Subnets = [] } = await ask("DescribeSubnets", subnets.join(", "), () =>
        ec2.send(new DescribeSubnetsCommand({ SubnetIds: [...subnets] })),
      );
      const [id, ...others] = new Set(Subnets.flatMap(({ VpcId }) => (VpcId === undefined ? [] : [VpcId])));
      if (id === undefined || others.length > 0) {
        const where = Subnets.map(({ SubnetId, VpcId }) => `${SubnetId} in ${VpcId}`).join(", ");
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
): Pick<Network, "peerings" | "createPeering" | "acceptPeering" | "resolveDns" | "deletePeering"> {
  const { ec2, change } = aws;
  return {
    peerings: (a, b) => findPeerings(aws, a, b),
    createPeering: (requester, accepter, tags) =>
      change(
        "CreateVpcPeeringConnection",
        `${requester} to ${accepter}`,
        async () => {
          const { VpcPeeringConnection } = await ec2.send(
            new CreateVpcPeeringConnectionCommand({
              VpcId: requester,
              PeerVpcId: accepter,
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
    resolveDns: (id) =>
      change("ModifyVpcPeeringConnectionOptions", id, async () => void (await ec2.send(dnsOption(id)))),
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

function dnsOption(id: string): ModifyVpcPeeringConnectionOptionsCommand {
  const both = { AllowDnsResolutionFromRemoteVpc: true };
  return new ModifyVpcPeeringConnectionOptionsCommand({
    ...named(id),
    AccepterPeeringConnectionOptions: both,
    RequesterPeeringConnectionOptions: both,
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
    allowIngress: (group, rule) =>
      change(
        "AuthorizeSecurityGroupIngress",
        group,
        async () => {
          const IpPermissions = [permissionOf(rule)];
          await ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId: group, IpPermissions }));
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
