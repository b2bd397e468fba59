/** The networks between source and target as the jobs see them. Source: @aws-sdk/client-ec2 3.1169. */

export type Vpc = { readonly id: string; readonly cidrs: readonly string[]; readonly owner: string };

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
  readonly tags: Readonly<Record<string, string>>;
};

export type Route = {
  readonly destination: string;
  readonly peering: string | undefined;
  readonly state: "active" | "blackhole";
};

export type RouteTable = {
  readonly id: string;
  readonly vpc: string;
  readonly main: boolean;
  readonly subnets: readonly string[];
  readonly routes: readonly Route[];
};

export type IngressRule = { readonly port: number; readonly cidr: string; readonly description: string };

/** Errors: `E_AWS_*`, with AWS's own sentence. */
export type Network = {
  vpc(id: string): Promise<Vpc>;
  vpcOfSubnets(subnets: readonly string[]): Promise<Vpc>;
  /** Peerings between the two, in either direction, that are not deleted. */
  peerings(a: string, b: string): Promise<readonly Peering[]>;
  createPeering(
    requester: string,
    accepter: string,
    tags: Readonly<Record<string, string>>,
  ): Promise<Peering>;
  acceptPeering(id: string): Promise<void>;
  resolveDns(id: string): Promise<void>;
  routeTables(vpc: string): Promise<readonly RouteTable[]>;
  createRoute(table: string, destination: string, peering: string): Promise<void>;
  deleteRoute(table: string, destination: string): Promise<void>;
  deletePeering(id: string): Promise<void>;
  ingress(securityGroup: string): Promise<readonly IngressRule[]>;
  allowIngress(securityGroup: string, rule: IngressRule): Promise<void>;
  revokeIngress(securityGroup: string, rule: IngressRule): Promise<void>;
};
