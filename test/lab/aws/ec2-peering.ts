import { z } from "zod";
import { overlaps } from "./cidr.ts";
import { type Cloud, ec2Id, handler, type Peering, type PeeringCode } from "./cloud.ts";
import { describing, select, tagFilters, tagged, tagList, tagsOf } from "./ec2-listing.ts";
import { checkPeeringQuotas } from "./ec2-quotas.ts";
import { type AwsRefusal, ec2Refusal } from "./refusal.ts";
import type { Caller, Handlers, Shape } from "./shapes.ts";
import type { Tags, Vpc } from "./world.ts";

const INCORRECT = "Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range";
const ALIVE: PeeringCode[] = ["initiating-request", "pending-acceptance", "provisioning", "active"];
const SECOND = 1 / 60;
const DAY = 24 * 60;

function vpcOf(cloud: Cloud, id: string): Vpc | undefined {
  return cloud.world.vpcs.find((each) => each.id === id);
}

/** Every block of both VPCs counts: primary, secondary, IPv6. */
function clash(one: Vpc, other: Vpc): boolean {
  const blocks = [...other.cidrs, ...other.ipv6Cidrs];
  return [...one.cidrs, ...one.ipv6Cidrs].some((block) => blocks.some((each) => overlaps(block, each)));
}

/** A connection that the caller takes part in, in its own Region. Throws InvalidVpcPeeringConnectionID.NotFound. */
export function findPeering(cloud: Cloud, id: string, caller: Caller): Peering {
  const found = seenPeerings(cloud, caller).find((each) => each.id === id);
  if (found !== undefined) return found;
  throw ec2Refusal(
    "InvalidVpcPeeringConnectionID.NotFound",
    `The vpcPeeringConnection ID '${id}' does not exist`,
  );
}

function isRequester(peering: Peering, caller: Caller): boolean {
  return peering.requesterAccount === caller.account && peering.requesterRegion === caller.region;
}

function isAccepter(peering: Peering, caller: Caller): boolean {
  return peering.accepterAccount === caller.account && peering.accepterRegion === caller.region;
}

function sees(peering: Peering, caller: Caller): boolean {
  return isRequester(peering, caller) || isAccepter(peering, caller);
}

export function seenPeerings(cloud: Cloud, caller: Caller): Peering[] {
  return cloud.peerings.filter((each) => sees(each, caller));
}

function enter(cloud: Cloud, peering: Peering, code: PeeringCode, message: string, at: number): void {
  peering.code = code;
  peering.message = message;
  peering.next = undefined;
  if (code === "pending-acceptance") {
    peering.next = { at: peering.expiresAt, code: "expired", message: "VPC peering request expired" };
  }
  if (!ALIVE.includes(code) && code !== "deleting") peering.goneAt = at + cloud.minutes(120);
}

/** Carries peering connections into the states that follow by themselves, and drops those that are long over. */
export function settlePeerings(cloud: Cloud): void {
  for (const peering of cloud.peerings) {
    while (peering.next !== undefined && cloud.now() >= peering.next.at) {
      const { at, code, message } = peering.next;
      enter(cloud, peering, code, message, at);
    }
  }
  cloud.peerings = cloud.peerings.filter((each) => each.goneAt === undefined || cloud.now() < each.goneAt);
}

function side(peering: Peering, vpcId: string, vpc: Vpc | undefined, account: string, region: string): Shape {
  const requester = vpcId === peering.requesterVpc;
  const base = { VpcId: vpcId, OwnerId: account, Region: region };
  if (vpc === undefined || (!requester && peering.code !== "active" && peering.code !== "provisioning"))
    return base;
  const dns = requester ? peering.requesterDns : peering.accepterDns;
  return {
    ...base,
    CidrBlock: vpc.cidrs[0],
    CidrBlockSet: vpc.cidrs.map((CidrBlock) => ({ CidrBlock })),
    Ipv6CidrBlockSet: vpc.ipv6Cidrs.map((Ipv6CidrBlock) => ({ Ipv6CidrBlock })),
    PeeringOptions: {
      AllowDnsResolutionFromRemoteVpc: dns,
      AllowEgressFromLocalClassicLinkToRemoteVpc: false,
      AllowEgressFromLocalVpcToRemoteClassicLink: false,
    },
  };
}

/** What this caller tagged it with: the other side's tags are not shown. */
export function peeringTags(peering: Peering, caller: Caller): Tags {
  return isRequester(peering, caller) ? peering.tags : peering.accepterTags;
}

function describe(cloud: Cloud, peering: Peering, caller: Caller): Shape {
  const { requesterVpc, accepterVpc, requesterAccount, accepterAccount } = peering;
  const pending = peering.code === "initiating-request" || peering.code === "pending-acceptance";
  return {
    AccepterVpcInfo: side(
      peering,
      accepterVpc,
      vpcOf(cloud, accepterVpc),
      accepterAccount,
      peering.accepterRegion,
    ),
    ExpirationTime: pending ? new Date(peering.expiresAt) : undefined,
    RequesterVpcInfo: side(
      peering,
      requesterVpc,
      vpcOf(cloud, requesterVpc),
      requesterAccount,
      peering.requesterRegion,
    ),
    Status: { Code: peering.code, Message: peering.message },
    Tags: tagList(peeringTags(peering, caller)),
    VpcPeeringConnectionId: peering.id,
  };
}

function filterValues(cloud: Cloud, peering: Peering, caller: Caller): { [name: string]: string[] } {
  return {
    ...tagFilters(peeringTags(peering, caller)),
    "accepter-vpc-info.cidr-block": vpcOf(cloud, peering.accepterVpc)?.cidrs ?? [],
    "accepter-vpc-info.owner-id": [peering.accepterAccount],
    "accepter-vpc-info.vpc-id": [peering.accepterVpc],
    "expiration-time": [new Date(peering.expiresAt).toISOString()],
    "requester-vpc-info.cidr-block": vpcOf(cloud, peering.requesterVpc)?.cidrs ?? [],
    "requester-vpc-info.owner-id": [peering.requesterAccount],
    "requester-vpc-info.vpc-id": [peering.requesterVpc],
    "status-code": [peering.code],
    "status-message": [peering.message],
    "vpc-peering-connection-id": [peering.id],
  };
}

const creationSchema = z.object({
  ...tagged,
  VpcId: z.string(),
  PeerVpcId: z.string(),
  PeerOwnerId: z.string().optional(),
  PeerRegion: z.string().optional(),
});

function create(cloud: Cloud, input: z.infer<typeof creationSchema>, caller: Caller): Peering {
  const requester = vpcOf(cloud, input.VpcId);
  if (requester?.account !== caller.account || requester.region !== caller.region) {
    throw ec2Refusal("InvalidVpcID.NotFound", `The vpc ID '${input.VpcId}' does not exist`);
  }
  const pair = [input.VpcId, input.PeerVpcId].toSorted().join();
  const existing = cloud.peerings.find(
    (each) => [each.requesterVpc, each.accepterVpc].toSorted().join() === pair,
  );
  if (existing !== undefined && ALIVE.includes(existing.code)) {
    throw ec2Refusal(
      "VpcPeeringConnectionAlreadyExists",
      `A VPC peering connection already exists: ${existing.id}`,
    );
  }
  checkPeeringQuotas(cloud, input.VpcId, caller);
  const account = input.PeerOwnerId ?? caller.account;
  const region = input.PeerRegion ?? caller.region;
  const peer = vpcOf(cloud, input.PeerVpcId);
  const right = peer?.account === account && peer.region === region && !clash(requester, peer);
  const at = cloud.now() + cloud.minutes(2 * SECOND);
  const pending = `Pending Acceptance by ${account}`;
  return {
    id: ec2Id("pcx"),
    requesterVpc: input.VpcId,
    accepterVpc: input.PeerVpcId,
    accepterAccount: account,
    accepterRegion: region,
    requesterAccount: caller.account,
    requesterRegion: caller.region,
    createdAt: cloud.now(),
    expiresAt: cloud.now() + cloud.minutes(7 * DAY),
    code: "initiating-request",
    message: `Initiating Request to ${account}`,
    next: right
      ? { at, code: "pending-acceptance", message: pending }
      : { at, code: "failed", message: INCORRECT },
    goneAt: undefined,
    requesterDns: false,
    accepterDns: false,
    tags: tagsOf(input.TagSpecifications, "vpc-peering-connection"),
    accepterTags: {},
  };
}

function invalidState(peering: Peering, wish: string): AwsRefusal {
  return ec2Refusal(
    "InvalidStateTransition",
    `Invalid state transition for ${peering.id}, attempted to transition from ${peering.code} to ${wish}`,
  );
}

const one = z.object({ VpcPeeringConnectionId: z.string() });

function answering(cloud: Cloud): Handlers {
  return {
    AcceptVpcPeeringConnection: handler(one, (input, caller) => {
      const peering = findPeering(cloud, input.VpcPeeringConnectionId, caller);
      if (!isAccepter(peering, caller)) {
        throw ec2Refusal(
          "OperationNotPermitted",
          `User ${caller.account} cannot accept peering ${peering.id}`,
        );
      }
      if (peering.code !== "pending-acceptance") throw invalidState(peering, "active");
      enter(cloud, peering, "provisioning", "Provisioning", cloud.now());
      peering.next = { at: cloud.now() + cloud.minutes(10 * SECOND), code: "active", message: "Active" };
      return { VpcPeeringConnection: describe(cloud, peering, caller) };
    }),
    RejectVpcPeeringConnection: handler(one, (input, caller) => {
      const peering = findPeering(cloud, input.VpcPeeringConnectionId, caller);
      if (!isAccepter(peering, caller) || peering.code !== "pending-acceptance")
        throw invalidState(peering, "rejected");
      enter(cloud, peering, "rejected", `Rejected by ${caller.account}`, cloud.now());
      return { Return: true };
    }),
    DeleteVpcPeeringConnection: handler(one, (input, caller) => {
      const peering = findPeering(cloud, input.VpcPeeringConnectionId, caller);
      const mayDelete =
        peering.code === "active" || (peering.code === "pending-acceptance" && isRequester(peering, caller));
      if (!mayDelete) throw invalidState(peering, "deleted");
      const message = `Deleted by ${caller.account}`;
      enter(cloud, peering, "deleting", "Deleting", cloud.now());
      peering.next = { at: cloud.now() + cloud.minutes(2 * SECOND), code: "deleted", message };
      return { Return: true };
    }),
  };
}

type Asked = { requester: boolean | undefined; accepter: boolean | undefined };
const switches = z.looseObject({ AllowDnsResolutionFromRemoteVpc: z.boolean().optional() }).optional();

const optionsSchema = z.object({
  VpcPeeringConnectionId: z.string(),
  AccepterPeeringConnectionOptions: switches,
  RequesterPeeringConnectionOptions: switches,
});

/** Each side may set only its own option, in the active state; both VPCs need DNS support and host names. */
function checkOptions(cloud: Cloud, peering: Peering, caller: Caller, dns: Asked): void {
  if (peering.code !== "active") {
    const text = `Peering ${peering.id} is not active. Peering options can be added only to active peerings.`;
    throw ec2Refusal("OperationNotPermitted", text);
  }
  const foreign = [
    dns.requester !== undefined && !isRequester(peering, caller),
    dns.accepter !== undefined && !isAccepter(peering, caller),
  ];
  if (foreign.includes(true)) {
    throw ec2Refusal(
      "OperationNotPermitted",
      `User ${caller.account} cannot modify options of peering ${peering.id}`,
    );
  }
  const vpcs = [vpcOf(cloud, peering.requesterVpc), vpcOf(cloud, peering.accepterVpc)];
  if (vpcs.every((vpc) => vpc?.dnsSupport === true && vpc.dnsHostnames)) return;
  if (dns.requester === true || dns.accepter === true) {
    throw ec2Refusal(
      "InvalidParameterCombination",
      "DNS hostnames and DNS support must be enabled for both VPCs.",
    );
  }
}

function shownOption(asked: boolean | undefined): Shape | undefined {
  return asked === undefined ? undefined : { AllowDnsResolutionFromRemoteVpc: asked };
}

function options(cloud: Cloud): Handlers {
  return {
    ModifyVpcPeeringConnectionOptions: handler(optionsSchema, (input, caller) => {
      const peering = findPeering(cloud, input.VpcPeeringConnectionId, caller);
      const requester = input.RequesterPeeringConnectionOptions?.AllowDnsResolutionFromRemoteVpc;
      const accepter = input.AccepterPeeringConnectionOptions?.AllowDnsResolutionFromRemoteVpc;
      checkOptions(cloud, peering, caller, { requester, accepter });
      peering.requesterDns = requester ?? peering.requesterDns;
      peering.accepterDns = accepter ?? peering.accepterDns;
      return {
        RequesterPeeringConnectionOptions: shownOption(requester),
        AccepterPeeringConnectionOptions: shownOption(accepter),
      };
    }),
  };
}

/** VPC peering through all its states, between accounts and Regions too. */
export function peeringHandlers(cloud: Cloud): Handlers {
  return {
    ...answering(cloud),
    ...options(cloud),
    CreateVpcPeeringConnection: handler(creationSchema, (input, caller) => {
      const peering = create(cloud, input, caller);
      cloud.peerings.push(peering);
      return { VpcPeeringConnection: describe(cloud, peering, caller) };
    }),
    DescribeVpcPeeringConnections: handler(
      z.object({ ...describing, VpcPeeringConnectionIds: z.array(z.string()).optional() }),
      (input, caller) => {
        const { items, NextToken } = select(
          {
            items: seenPeerings(cloud, caller).filter((each) => cloud.isListed(each.createdAt)),
            idOf: (each) => each.id,
            ids: input.VpcPeeringConnectionIds,
            missing: { code: "InvalidVpcPeeringConnectionID.NotFound", noun: "vpcPeeringConnection" },
            valuesOf: (each) => filterValues(cloud, each, caller),
          },
          input,
        );
        return { VpcPeeringConnections: items.map((each) => describe(cloud, each, caller)), NextToken };
      },
    ),
  };
}
