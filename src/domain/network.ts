/** The networks between source and target as the jobs see them. Source: @aws-sdk/client-ec2 3.1169. */

export type Vpc = {
  readonly id: string;
  /** Every block, primary and secondary, IPv4 and IPv6. */
  readonly cidrs: readonly string[];
  /** Its account. */
  readonly owner: string;
};

export type Subnet = {
  readonly id: string;
  readonly vpc: string;
  /** AWS's id of the Availability Zone, the same in every account: "use1-az1". */
  readonly zone: string;
};

export type Peering = {
  readonly id: string;
  readonly state:
    | "initiating-request"
    | "pending-acceptance"
    | "provisioning"
    | "active"
    | "failed"
    | "expired"
    | "rejected"
    | "deleting"
    | "deleted";
  readonly reason?: string;
  readonly requester: Vpc;
  readonly accepter: Vpc;
  /** Both sides resolve the other's host names. */
  readonly resolvesDns: boolean;
  readonly tags: Readonly<Record<string, string>>;
};

/** A connection that will never carry anything again; another one may be made in its place. */
export function isGone(state: Peering["state"]): boolean {
  return ["failed", "expired", "rejected", "deleting", "deleted"].includes(state);
}

export type Route = {
  readonly destination: string;
  /** "local", "pcx-…", "tgw-…", "vgw-…", "nat-…"; "unknown" for what AWS does not name. */
  readonly target: string;
  readonly peering: string | undefined;
  readonly state: "active" | "blackhole";
};

export type RouteTable = {
  readonly id: string;
  readonly vpc: string;
  readonly main: boolean;
  readonly subnets: readonly string[];
  readonly routes: readonly Route[];
  /** Virtual private gateways that may write their routes here. */
  readonly propagating: readonly string[];
};

/** An address block, or a security group of this VPC or of one that is peered with it in the same Region. */
export type IngressPeer =
  | { readonly cidr: string }
  /** `owner`: its account. */
  | { readonly group: string; readonly owner?: string };

/** TCP from `port` to `toPort` (the same where absent). A rule for every protocol shows as ports 0 to 65535. */
export type IngressRule = IngressPeer & {
  readonly port: number;
  readonly toPort?: number;
  readonly description: string;
};

/** What a rule lets in, for people: "10.0.0.0/16", "sg-…". */
export function peerOf(rule: IngressPeer): string {
  return "cidr" in rule ? rule.cidr : rule.group;
}

/** A VPC's attachment to a transit gateway. */
export type GatewayAttachment = {
  readonly id: string;
  readonly gateway: string;
  /** "available", "pendingAcceptance", … */
  readonly state: string;
  readonly subnets: readonly string[];
};

/** A Site-to-Site VPN connection of a virtual private gateway or a transit gateway. */
export type VpnConnection = {
  readonly id: string;
  readonly gateway: string;
  readonly state: string;
  readonly tunnels: readonly ("up" | "down")[];
};

/**
 * Errors: `E_AWS_*`, with AWS's own sentence. Calls are repeatable: making what is there already in this very form, or
 * taking away what is gone, is no error.
 */
export type Network = {
  vpc(id: string): Promise<Vpc>;
  vpcOfSubnets(subnets: readonly string[]): Promise<Vpc>;
  /** `E_AWS_REFUSED` where one of them does not exist for this account in this Region. */
  subnets(ids: readonly string[]): Promise<readonly Subnet[]>;
  /** Peerings between the two, in either direction, that are not deleted. */
  peerings(a: string, b: string): Promise<readonly Peering[]>;
  /** The living one where the two are peered already. `elsewhere`: account and Region of the accepter, where others. */
  createPeering(
    requester: string,
    accepter: string,
    tags: Readonly<Record<string, string>>,
    elsewhere?: { readonly owner: string; readonly region: string },
  ): Promise<Peering>;
  /** With the accepter's credentials in its Region. */
  acceptPeering(id: string): Promise<void>;
  /** Each account has tags of its own on the same peering. */
  tagPeering(id: string, tags: Readonly<Record<string, string>>): Promise<void>;
  /** Lets these sides' hosts be resolved by the other one; needs an active peering. Each account may set its own side. */
  resolveDns(id: string, side: "both" | "requester" | "accepter"): Promise<void>;
  routeTables(vpc: string): Promise<readonly RouteTable[]>;
  /** `E_AWS_REFUSED` when the destination has another target. */
  createRoute(table: string, destination: string, peering: string): Promise<void>;
  deleteRoute(table: string, destination: string): Promise<void>;
  deletePeering(id: string): Promise<void>;
  ingress(securityGroup: string): Promise<readonly IngressRule[]>;
  /** The rule gets the tags. */
  allowIngress(
    securityGroup: string,
    rule: IngressRule,
    tags: Readonly<Record<string, string>>,
  ): Promise<void>;
  revokeIngress(securityGroup: string, rule: IngressRule): Promise<void>;
  /** Of this VPC to transit gateways, those that are gone left out. */
  attachments(vpc: string): Promise<readonly GatewayAttachment[]>;
  /** Every VPN connection of the account in this Region, those that are gone left out. */
  vpnConnections(): Promise<readonly VpnConnection[]>;
};

/** What one layer of a path answered. */
export type LayerAnswer =
  | {
      readonly ok: true;
      readonly detail: string;
      /** When the certificate ends that was shown; milliseconds since the epoch. */
      readonly until?: number;
    }
  /** `why` starts with the code of the system or of TLS where there is one: "ECONNREFUSED: …". */
  | { readonly ok: false; readonly why: string };

/** Asks the layers below Kafka, from the process that runs it. Every call ends within seconds and never throws. */
export type Prober = {
  resolve(host: string): Promise<LayerAnswer>;
  connect(host: string, port: number): Promise<LayerAnswer>;
  /** `ca`: PEM text of the certificate authority; the system's where absent. */
  handshake(host: string, port: number, ca: string | undefined): Promise<LayerAnswer>;
};
