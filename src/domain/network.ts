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
};

/** TCP from `port` to `toPort` (the same where absent). A rule for every protocol shows as ports 0 to 65535. */
export type IngressRule = {
  readonly port: number;
  readonly toPort?: number;
  readonly cidr: string;
  readonly description: string;
};

/**
 * Errors: `E_AWS_*`, with AWS's own sentence. Calls are repeatable: making what is there already in this very form, or
 * taking away what is gone, is no error.
 */
export type Network = {
  vpc(id: string): Promise<Vpc>;
  vpcOfSubnets(subnets: readonly string[]): Promise<Vpc>;
  /** Peerings between the two, in either direction, that are not deleted. */
  peerings(a: string, b: string): Promise<readonly Peering[]>;
  /** The living one where the two are peered already. */
  createPeering(
    requester: string,
    accepter: string,
    tags: Readonly<Record<string, string>>,
  ): Promise<Peering>;
  acceptPeering(id: string): Promise<void>;
  /** Lets each side resolve the other's host names; needs an active peering. */
  resolveDns(id: string): Promise<void>;
  routeTables(vpc: string): Promise<readonly RouteTable[]>;
  /** `E_AWS_REFUSED` when the destination has another target. */
  createRoute(table: string, destination: string, peering: string): Promise<void>;
  deleteRoute(table: string, destination: string): Promise<void>;
  deletePeering(id: string): Promise<void>;
  ingress(securityGroup: string): Promise<readonly IngressRule[]>;
  allowIngress(securityGroup: string, rule: IngressRule): Promise<void>;
  revokeIngress(securityGroup: string, rule: IngressRule): Promise<void>;
};

/** What one layer of a path answered. */
export type LayerAnswer =
  | { readonly ok: true; readonly detail: string }
  | { readonly ok: false; readonly why: string };

/** Asks the layers below Kafka, from the process that runs it. Every call ends within seconds and never throws. */
export type Prober = {
  resolve(host: string): Promise<LayerAnswer>;
  connect(host: string, port: number): Promise<LayerAnswer>;
  /** `ca`: PEM text of the certificate authority; the system's where absent. */
  handshake(host: string, port: number, ca: string | undefined): Promise<LayerAnswer>;
};
