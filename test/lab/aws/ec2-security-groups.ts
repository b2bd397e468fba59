import { z } from "zod";
import { isCidr } from "./cidr.ts";
import { type Cloud, ec2Id, handler } from "./cloud.ts";
import { describing, select, tagFilters, tagged, tagList, tagsOf } from "./ec2-listing.ts";
import { ec2Refusal } from "./refusal.ts";
import type { Caller, Handlers, Shape } from "./shapes.ts";
import type { Rule, SecurityGroup, Vpc } from "./world.ts";

const permission = z.object({
  IpProtocol: z.string().default("-1"),
  FromPort: z.number().optional(),
  ToPort: z.number().optional(),
  IpRanges: z.array(z.object({ CidrIp: z.string(), Description: z.string().optional() })).default([]),
  Ipv6Ranges: z.array(z.object({ CidrIpv6: z.string(), Description: z.string().optional() })).default([]),
  UserIdGroupPairs: z
    .array(z.looseObject({ GroupId: z.string(), Description: z.string().optional() }))
    .default([]),
});

const change = z.object({
  ...tagged,
  GroupId: z.string(),
  IpPermissions: z.array(permission).default([]),
  IpProtocol: z.string().optional(),
  FromPort: z.number().optional(),
  ToPort: z.number().optional(),
  CidrIp: z.string().optional(),
});
type Change = z.infer<typeof change>;
/** What a request says of a rule. */
type Asked = Omit<Rule, "id" | "tags">;

function vpcOf(cloud: Cloud, group: SecurityGroup): Vpc {
  const vpc = cloud.world.vpcs.find((each) => each.id === group.vpc);
  if (vpc === undefined) throw new Error(`security group ${group.id} is of no VPC of this world`);
  return vpc;
}

function visible(cloud: Cloud, caller: Caller): SecurityGroup[] {
  return cloud.world.securityGroups.filter((group) => {
    const { account, region } = vpcOf(cloud, group);
    return account === caller.account && region === caller.region;
  });
}

function find(cloud: Cloud, id: string, caller: Caller): SecurityGroup {
  const group = visible(cloud, caller).find((each) => each.id === id);
  if (group !== undefined) return group;
  throw ec2Refusal("InvalidGroup.NotFound", `The security group '${id}' does not exist`);
}

function rulesOf(input: Change): Asked[] {
  const short = input.CidrIp === undefined ? [] : [{ CidrIp: input.CidrIp, Description: undefined }];
  const { IpProtocol = "-1", FromPort, ToPort } = input;
  const plain = { IpProtocol, FromPort, ToPort, IpRanges: short, Ipv6Ranges: [], UserIdGroupPairs: [] };
  return [...input.IpPermissions, plain].flatMap((each) => {
    const from = each.IpProtocol === "-1" ? undefined : each.FromPort;
    const to = each.IpProtocol === "-1" ? undefined : each.ToPort;
    const peers = [
      ...each.IpRanges.map((range) => ({ peer: range.CidrIp, description: range.Description })),
      ...each.Ipv6Ranges.map((range) => ({ peer: range.CidrIpv6, description: range.Description })),
      ...each.UserIdGroupPairs.map((pair) => ({ peer: pair.GroupId, description: pair.Description })),
    ];
    return peers.map((peer) => ({ protocol: each.IpProtocol, from, to, ...peer }));
  });
}

function same(one: Asked, other: Asked): boolean {
  return (
    one.protocol === other.protocol &&
    one.from === other.from &&
    one.to === other.to &&
    one.peer === other.peer
  );
}

/** Another VPC's group can be named only across an active peering connection in the same Region. */
function checkPeer(cloud: Cloud, group: SecurityGroup, rule: Asked): void {
  if (!rule.peer.startsWith("sg-")) {
    if (isCidr(rule.peer)) return;
    throw ec2Refusal("InvalidParameterValue", `CIDR block ${rule.peer} is malformed`);
  }
  const other = cloud.world.securityGroups.find((each) => each.id === rule.peer);
  if (other === undefined) {
    throw ec2Refusal("InvalidGroup.NotFound", `The security group '${rule.peer}' does not exist`);
  }
  if (other.vpc === group.vpc) return;
  const pair = [group.vpc, other.vpc];
  const peered = cloud.peerings.some(
    (each) => each.code === "active" && pair.includes(each.requesterVpc) && pair.includes(each.accepterVpc),
  );
  if (peered && vpcOf(cloud, group).region === vpcOf(cloud, other).region) return;
  throw ec2Refusal(
    "InvalidGroup.NotFound",
    "You have specified two resources that belong to different networks.",
  );
}

function duplicate(rule: Asked): Error {
  const protocol = rule.protocol === "-1" ? "ALL" : rule.protocol.toUpperCase();
  const ports = rule.from === undefined ? "" : `, from port: ${rule.from}, to port: ${rule.to}`;
  return ec2Refusal(
    "InvalidPermission.Duplicate",
    `the specified rule "peer: ${rule.peer}, ${protocol}${ports}, ALLOW" already exists`,
  );
}

function authorize(cloud: Cloud, input: Change, caller: Caller): Shape {
  const group = find(cloud, input.GroupId, caller);
  const asked = rulesOf(input);
  const tags = tagsOf(input.TagSpecifications, "security-group-rule");
  if (asked.length === 0)
    throw ec2Refusal("MissingParameter", "The request must contain the parameter ipPermissions");
  for (const rule of asked) {
    if (group.ingress.some((each) => same(each, rule))) throw duplicate(rule);
    checkPeer(cloud, group, rule);
  }
  if (group.ingress.length + asked.length > cloud.quota("rulesPerSecurityGroup")) {
    throw ec2Refusal(
      "RulesPerSecurityGroupLimitExceeded",
      "The maximum number of rules per security group has been reached.",
    );
  }
  const rules = asked.map((rule) => ({ ...rule, id: ec2Id("sgr"), tags: { ...tags } }));
  group.ingress.push(...rules);
  return { Return: true, SecurityGroupRules: rules.map((rule) => describeRule(group, rule, caller)) };
}

function describeRule(group: SecurityGroup, rule: Rule, caller: Caller): Shape {
  return {
    SecurityGroupRuleId: rule.id,
    GroupId: group.id,
    GroupOwnerId: caller.account,
    IsEgress: false,
    IpProtocol: rule.protocol,
    FromPort: rule.from ?? -1,
    ToPort: rule.to ?? -1,
    ...(rule.peer.startsWith("sg-")
      ? { ReferencedGroupInfo: { GroupId: rule.peer } }
      : { [rule.peer.includes(":") ? "CidrIpv6" : "CidrIpv4"]: rule.peer }),
    Description: rule.description,
    Tags: tagList(rule.tags),
  };
}

/** Ingress only: egress rules have no id here. */
function ruleHandlers(cloud: Cloud): Handlers {
  const asked = z.object({ ...describing, SecurityGroupRuleIds: z.array(z.string()).optional() });
  return {
    DescribeSecurityGroupRules: handler(asked, (input, caller) => {
      const all = visible(cloud, caller).flatMap((group) => group.ingress.map((rule) => ({ group, rule })));
      const { items, NextToken } = select(
        {
          items: all,
          idOf: ({ rule }) => rule.id,
          ids: input.SecurityGroupRuleIds,
          missing: { code: "InvalidSecurityGroupRuleId.NotFound", noun: "security group rule" },
          valuesOf: ({ group, rule }) => ({
            ...tagFilters(rule.tags),
            "group-id": [group.id],
            "security-group-rule-id": [rule.id],
          }),
        },
        input,
      );
      const SecurityGroupRules = items.map(({ group, rule }) => describeRule(group, rule, caller));
      return { SecurityGroupRules, NextToken };
    }),
  };
}

function revoke(cloud: Cloud, input: Change, caller: Caller): Shape {
  const group = find(cloud, input.GroupId, caller);
  const rules = rulesOf(input);
  if (rules.length === 0)
    throw ec2Refusal("MissingParameter", "The request must contain the parameter ipPermissions");
  if (!rules.every((rule) => group.ingress.some((each) => same(each, rule)))) {
    throw ec2Refusal(
      "InvalidPermission.NotFound",
      "The specified rule does not exist in this security group.",
    );
  }
  group.ingress = group.ingress.filter((each) => !rules.some((rule) => same(rule, each)));
  return { Return: true };
}

function permissionOf(cloud: Cloud, rule: Asked): Shape {
  const base = { IpProtocol: rule.protocol, FromPort: rule.from, ToPort: rule.to };
  const Description = rule.description;
  const group = cloud.world.securityGroups.find((each) => each.id === rule.peer);
  const pair = group && { GroupId: group.id, UserId: vpcOf(cloud, group).account, Description };
  return {
    ...base,
    IpRanges: pair === undefined && !rule.peer.includes(":") ? [{ CidrIp: rule.peer, Description }] : [],
    Ipv6Ranges: rule.peer.includes(":") ? [{ CidrIpv6: rule.peer, Description }] : [],
    UserIdGroupPairs: pair === undefined ? [] : [pair],
    PrefixListIds: [],
  };
}

function describe(cloud: Cloud, group: SecurityGroup): Shape {
  const everywhere = {
    protocol: "-1",
    from: undefined,
    to: undefined,
    peer: "0.0.0.0/0",
    description: undefined,
  };
  return {
    Description: group.name,
    GroupId: group.id,
    GroupName: group.name,
    IpPermissions: group.ingress.map((rule) => permissionOf(cloud, rule)),
    IpPermissionsEgress: [permissionOf(cloud, everywhere)],
    OwnerId: vpcOf(cloud, group).account,
    Tags: tagList(group.tags),
    VpcId: group.vpc,
  };
}

/** Security groups and their ingress rules. Egress is open, as in a new group. */
export function securityGroupHandlers(cloud: Cloud): Handlers {
  return {
    ...ruleHandlers(cloud),
    AuthorizeSecurityGroupIngress: handler(change, (input, caller) => authorize(cloud, input, caller)),
    RevokeSecurityGroupIngress: handler(change, (input, caller) => revoke(cloud, input, caller)),
    DescribeSecurityGroups: handler(
      z.object({ ...describing, GroupIds: z.array(z.string()).optional() }),
      (input, caller) => {
        const { items, NextToken } = select(
          {
            items: visible(cloud, caller),
            idOf: (group) => group.id,
            ids: input.GroupIds,
            missing: { code: "InvalidGroup.NotFound", noun: "security group" },
            valuesOf: (group) => ({
              ...tagFilters(group.tags),
              "group-id": [group.id],
              "group-name": [group.name],
              "owner-id": [vpcOf(cloud, group).account],
              "vpc-id": [group.vpc],
            }),
          },
          input,
        );
        return { SecurityGroups: items.map((group) => describe(cloud, group)), NextToken };
      },
    ),
  };
}
