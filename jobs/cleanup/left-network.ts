import { asFerryError } from "#domain/errors.ts";
import { type IngressRule, isGone, type Network, type RouteTable } from "#domain/network.ts";
import { ownedBy, ownerTag, sourceFlags } from "#domain/plan/provisioning.ts";
import { calledFor } from "#jobs/aws/aws-audit.ts";
import type { Work } from "#jobs/work.ts";

/** What the bot made in the network and leaves: applications may reach MSK through it. With the calls that take it away. */

type Left = { readonly lines: readonly string[]; readonly short: string };

export async function leftNetwork(work: Work): Promise<Left> {
  const { network: source } = work.migration.settings.source;
  const { kind, vpc } = source;
  try {
    return kind === "peering" && vpc !== undefined
      ? await leftPeering(vpc, work)
      : await leftBefore(kind, work);
  } catch (thrown) {
    const { code, message } = asFerryError(thrown);
    const text = `unknown, AWS could not be asked (${code} ${message})`;
    return { lines: [`- Network: ${text}.`], short: `network: ${text}` };
  }
}

/** ferry.yaml names another way now; what was made before that is found by its tag. */
async function leftBefore(kind: string, work: Work): Promise<Left> {
  const before = await calledFor("CreateVpcPeeringConnection", work);
  const text = kind === "none" ? "no network of ours" : `the ${kind}, which the bot did not make`;
  if (before.length === 0) return { lines: [`- Network: ${text}.`], short: `network: ${text}` };
  const peered = `a VPC peering of ${before.join(", ")}, made before source.network.kind was ${kind}`;
  const find = `aws ec2 describe-vpc-peering-connections --filters Name=tag:${ownerTag},Values=${work.migration.name}`;
  return { lines: [`- Network: ${peered}. To find it: \`${find}\`.`], short: `network: ${peered}` };
}

/** One side of the way: its network, and what its calls need beside the bot's own credentials and Region. */
type End = { readonly network: Network; readonly flags: string };

function endsOf({ world, migration }: Work): { readonly atTarget: End; readonly atSource: End } {
  const atTarget = { network: world.network, flags: "" };
  const { sourceNetwork } = world;
  if (sourceNetwork === undefined) return { atTarget, atSource: atTarget };
  return { atTarget, atSource: { network: sourceNetwork, flags: sourceFlags(migration.settings) } };
}

async function leftPeering(vpc: string, work: Work): Promise<Left> {
  const { atTarget, atSource } = endsOf(work);
  const { target, source } = work.migration.settings;
  const other = await atTarget.network.vpcOfSubnets(target.subnets);
  const peerings = (await atTarget.network.peerings(vpc, other.id)).filter(({ state }) => !isGone(state));
  const ids = peerings.map(({ id }) => id);
  const ours = peerings.filter(({ tags }) => ownedBy(work.migration.name, tags)).map(({ id }) => id);
  const accepted = await calledFor("AcceptVpcPeeringConnection", work);
  const ofSource = source.network.securityGroups.filter((group) => !target.securityGroups.includes(group));
  const removals = [
    ...(await routeCommands(await atSource.network.routeTables(vpc), ours, atSource, work)),
    ...(vpc === other.id
      ? []
      : await routeCommands(await atTarget.network.routeTables(other.id), ours, atTarget, work)),
    ...(await ruleCommands(target.securityGroups, atTarget, work)),
    ...(await ruleCommands(ofSource, atSource, work)),
    ...ours.map((id) => `aws ec2 delete-vpc-peering-connection --vpc-peering-connection-id ${id}`),
    ...ids
      .filter((id) => !ours.includes(id))
      .map(
        (id) =>
          `# ${id} was there before: not the bot's to delete${accepted.includes(id) ? ", though the bot accepted it" : ""}`,
      ),
  ];
  if (removals.length === 0) return { lines: ["- Network: no peering."], short: "no peering" };
  const way = ids.length === 0 ? "rules and routes of the bot's" : `VPC peering ${ids.join(", ")}`;
  return {
    short: `${way}: applications may reach MSK through it`,
    lines: [
      `- Network: ${way}. Applications that still run beside the source reach MSK through it. When none does:`,
      "",
      "```sh",
      ...removals,
      "```",
      "",
    ],
  };
}

/** Routes carry no tags: those through a peering of ours, and those that the bot's own notes say it made. */
async function routeCommands(
  tables: readonly RouteTable[],
  ours: readonly string[],
  { flags }: End,
  work: Work,
): Promise<readonly string[]> {
  const made = new Set(await calledFor("CreateRoute", work));
  return tables.flatMap(({ id, routes }) =>
    routes
      .filter(
        ({ destination, peering }) =>
          peering !== undefined && (ours.includes(peering) || made.has(`${destination} in ${id}`)),
      )
      .map(({ destination }) => {
        const option = destination.includes(":")
          ? "--destination-ipv6-cidr-block"
          : "--destination-cidr-block";
        return `aws ec2 delete-route --route-table-id ${id} ${option} ${destination}${flags}`;
      }),
  );
}

/** Only rules whose description says that this migration made them. */
async function ruleCommands(
  groups: readonly string[],
  { network, flags }: End,
  work: Work,
): Promise<readonly string[]> {
  const rules = await Promise.all(
    groups.map(async (group) => (await network.ingress(group)).map((rule) => ({ group, rule }))),
  );
  return rules
    .flat()
    .filter(({ rule }) => rule.description === `${ownerTag}=${work.migration.name}`)
    .map(({ group, rule }) => {
      const call = `aws ec2 revoke-security-group-ingress --group-id ${group}`;
      return `${call} ${permissionOption(rule)}${flags}`;
    });
}

/** The short options know blocks of IPv4 only, and groups without their account. */
function permissionOption(rule: IngressRule): string {
  const { port, toPort = port } = rule;
  const ports = toPort === port ? `${port}` : `${port}-${toPort}`;
  if ("cidr" in rule && !rule.cidr.includes(":")) return `--protocol tcp --port ${ports} --cidr ${rule.cidr}`;
  const peer =
    "cidr" in rule
      ? `Ipv6Ranges=[{CidrIpv6=${rule.cidr}}]`
      : `UserIdGroupPairs=[{GroupId=${rule.group}${rule.owner === undefined ? "" : `,UserId=${rule.owner}`}}]`;
  return `--ip-permissions 'IpProtocol=tcp,FromPort=${port},ToPort=${toPort},${peer}'`;
}
