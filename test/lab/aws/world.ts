/** The account that the lab's default credentials stand for. */
export const ACCOUNT = "123456789012";
/** A second account, for peering between accounts: any access key that begins with PARTNER_KEY_PREFIX. */
export const PARTNER_ACCOUNT = "210987654321";
export const PARTNER_KEY_PREFIX = "AKIAPARTNER";
export const REGION = "us-east-1";

export const VPC_SOURCE = "vpc-0a1b2c3d4e5f60001";
export const VPC_TARGET = "vpc-0a1b2c3d4e5f60002";
/** Overlaps VPC_TARGET: peering the two fails. */
export const VPC_OVERLAP = "vpc-0a1b2c3d4e5f60003";
/** Belongs to PARTNER_ACCOUNT. */
export const VPC_PARTNER = "vpc-0a1b2c3d4e5f60004";

export const RTB_SOURCE_1 = "rtb-0a1b2c3d4e5f60011";
/** Main route table of VPC_SOURCE. */
export const RTB_SOURCE_2 = "rtb-0a1b2c3d4e5f60012";
export const RTB_TARGET_MAIN = "rtb-0a1b2c3d4e5f60021";
export const RTB_OVERLAP_MAIN = "rtb-0a1b2c3d4e5f60031";
export const RTB_PARTNER_MAIN = "rtb-0a1b2c3d4e5f60041";

export const SUBNET_SOURCE_A = "subnet-0a1b2c3d4e5f6001a";
export const SUBNET_SOURCE_B = "subnet-0a1b2c3d4e5f6001b";
export const SUBNET_TARGET_A = "subnet-0a1b2c3d4e5f6002a";
export const SUBNET_TARGET_B = "subnet-0a1b2c3d4e5f6002b";
export const SUBNET_TARGET_C = "subnet-0a1b2c3d4e5f6002c";
/** In use1-az3, where MSK places no brokers. */
export const SUBNET_TARGET_AZ3 = "subnet-0a1b2c3d4e5f6002e";

export const SG_SOURCE = "sg-0a1b2c3d4e5f60001";
export const SG_MSK = "sg-0a1b2c3d4e5f60002";
export const SG_PARTNER = "sg-0a1b2c3d4e5f60004";

export type Tags = { [key: string]: string };
export type Vpc = {
  id: string;
  account: string;
  region: string;
  cidrs: string[];
  ipv6Cidrs: string[];
  dnsSupport: boolean;
  dnsHostnames: boolean;
  tags: Tags;
};
export type Subnet = { id: string; vpc: string; cidr: string; zone: string; zoneId: string; tags: Tags };
export type Route = { destination: string; target: string };
export type RouteTable = {
  id: string;
  vpc: string;
  main: boolean;
  subnets: string[];
  routes: Route[];
  tags: Tags;
};
/** `peer` is a CIDR block or a security group id. Protocol -1 has no ports. `id`: "sgr-…". */
export type Rule = {
  id: string;
  tags: Tags;
  protocol: string;
  from: number | undefined;
  to: number | undefined;
  peer: string;
  description: string | undefined;
};
export type SecurityGroup = { id: string; vpc: string; name: string; ingress: Rule[]; tags: Tags };
type AclEntry = {
  number: number;
  protocol: string;
  action: "allow" | "deny";
  egress: boolean;
  cidr: string;
  ports?: { From: number; To: number };
};
export type NetworkAcl = {
  id: string;
  vpc: string;
  subnets: string[];
  isDefault: boolean;
  entries: AclEntry[];
};
type TransitGatewayAttachment = {
  id: string;
  gateway: string;
  vpc: string;
  subnets: string[];
  state: string;
};
type VpnConnection = { id: string; gateway: string; state: string; tunnelsUp: boolean[] };

export type World = {
  vpcs: Vpc[];
  subnets: Subnet[];
  routeTables: RouteTable[];
  securityGroups: SecurityGroup[];
  networkAcls: NetworkAcl[];
  transitGatewayAttachments: TransitGatewayAttachment[];
  vpnConnections: VpnConnection[];
};

function vpc(id: string, name: string, cidr: string, account: string = ACCOUNT): Vpc {
  const dns = { dnsSupport: true, dnsHostnames: true };
  return { id, account, region: REGION, cidrs: [cidr], ipv6Cidrs: [], ...dns, tags: { Name: name } };
}

function routeTable(id: string, name: string, of: string, main: boolean, subnets: string[] = []): RouteTable {
  return { id, vpc: of, main, subnets, routes: [], tags: { Name: name } };
}

function subnet(id: string, name: string, of: string, cidr: string, letter: string, zoneId: string): Subnet {
  return { id, vpc: of, cidr, zone: `${REGION}${letter}`, zoneId, tags: { Name: name } };
}

function openAcl(of: string, at: number): NetworkAcl {
  const rule = { number: 100, protocol: "-1", action: "allow", cidr: "0.0.0.0/0" } as const;
  const entries = [
    { ...rule, egress: false },
    { ...rule, egress: true },
  ];
  return { id: `acl-0a1b2c3d4e5f6000${at}`, vpc: of, subnets: [], isDefault: true, entries };
}

/** Source VPC, target VPC with three zones that MSK uses, one that overlaps the target, one of another account. */
export function defaultWorld(): World {
  const vpcs = [
    vpc(VPC_SOURCE, "vpc-source", "10.10.0.0/16"),
    vpc(VPC_TARGET, "vpc-target", "10.20.0.0/16"),
    vpc(VPC_OVERLAP, "vpc-overlap", "10.20.0.0/17"),
    vpc(VPC_PARTNER, "vpc-partner", "10.40.0.0/16", PARTNER_ACCOUNT),
  ];
  return {
    vpcs,
    subnets: [
      subnet(SUBNET_SOURCE_A, "subnet-source-a", VPC_SOURCE, "10.10.1.0/24", "a", "use1-az1"),
      subnet(SUBNET_SOURCE_B, "subnet-source-b", VPC_SOURCE, "10.10.2.0/24", "b", "use1-az2"),
      subnet(SUBNET_TARGET_A, "subnet-target-a", VPC_TARGET, "10.20.1.0/24", "a", "use1-az1"),
      subnet(SUBNET_TARGET_B, "subnet-target-b", VPC_TARGET, "10.20.2.0/24", "b", "use1-az2"),
      subnet(SUBNET_TARGET_C, "subnet-target-c", VPC_TARGET, "10.20.3.0/24", "c", "use1-az4"),
      subnet(SUBNET_TARGET_AZ3, "subnet-target-e", VPC_TARGET, "10.20.5.0/24", "e", "use1-az3"),
    ],
    routeTables: [
      routeTable(RTB_SOURCE_1, "rtb-source-1", VPC_SOURCE, false, [SUBNET_SOURCE_A]),
      routeTable(RTB_SOURCE_2, "rtb-source-2", VPC_SOURCE, true),
      routeTable(RTB_TARGET_MAIN, "rtb-target-main", VPC_TARGET, true),
      routeTable(RTB_OVERLAP_MAIN, "rtb-overlap-main", VPC_OVERLAP, true),
      routeTable(RTB_PARTNER_MAIN, "rtb-partner-main", VPC_PARTNER, true),
    ],
    securityGroups: [
      { id: SG_SOURCE, vpc: VPC_SOURCE, name: "sg-source", ingress: [], tags: { Name: "sg-source" } },
      { id: SG_MSK, vpc: VPC_TARGET, name: "sg-msk", ingress: [], tags: { Name: "sg-msk" } },
      { id: SG_PARTNER, vpc: VPC_PARTNER, name: "sg-partner", ingress: [], tags: { Name: "sg-partner" } },
    ],
    networkAcls: vpcs.map((of, at) => openAcl(of.id, at + 1)),
    transitGatewayAttachments: [],
    vpnConnections: [],
  };
}
