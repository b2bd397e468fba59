import { z } from "zod";
import { type Settings, schemesOf } from "./msk-model.ts";
import { parseProperties, TEXT, UNRECORDED, type Verdict } from "./rules-msk.ts";

/** UpdateConnectivity's rules (guide, public-access.html and aws-access-mult-vpc.html; the live texts are not known). */

/** `properties`: of the configuration that the cluster runs on. */
export function connectivityRule(after: Settings, properties: string): Verdict {
  return publicAccessRule(after, properties) ?? multiVpcRule(after, properties);
}

/** Without Kafka ACLs that bind, whoever has credentials may do everything. */
function bindsAcls(properties: string): boolean {
  return parseProperties(properties).get("allow.everyone.if.no.acl.found") === "false";
}

function publicAccessRule(after: Settings, properties: string): Verdict {
  const type = after.BrokerNodeGroupInfo.ConnectivityInfo?.PublicAccess?.Type ?? "DISABLED";
  if (type === "DISABLED") return undefined;
  const { scram, tls, open } = schemesOf(after.ClientAuthentication);
  if (open === true) return UNRECORDED.publicUnauthenticated;
  if (!isEncrypted(after)) return UNRECORDED.publicPlaintext;
  return (scram || tls) && !bindsAcls(properties) ? UNRECORDED.publicAcls : undefined;
}

function isEncrypted({ EncryptionInfo }: Settings): boolean {
  const { ClientBroker, InCluster } = EncryptionInfo?.EncryptionInTransit ?? {};
  return ClientBroker === "TLS" && InCluster !== false;
}

function multiVpcRule(after: Settings, properties: string): Verdict {
  const { ConnectivityInfo, InstanceType } = after.BrokerNodeGroupInfo;
  const asked = schemesOf(ConnectivityInfo?.VpcConnectivity?.ClientAuthentication);
  if (!asked.iam && !asked.scram && !asked.tls) return undefined;
  if (InstanceType === "kafka.t3.small") return UNRECORDED.multiVpcType;
  const has = schemesOf(after.ClientAuthentication);
  const lacks = (["iam", "scram", "tls"] as const).some((scheme) => asked[scheme] && !has[scheme]);
  if (lacks) return UNRECORDED.multiVpcScheme;
  return (asked.scram || asked.tls) && !bindsAcls(properties) ? UNRECORDED.multiVpcAcls : undefined;
}

const Policy = z.object({ Statement: z.union([z.array(z.unknown()), z.unknown()]) });
const Named = z.object({ Resource: z.union([z.string(), z.array(z.string())]) });

/** PutClusterPolicy's: every statement must be of this very cluster. */
export function clusterPolicyRule(text: string, arn: string): Verdict {
  const parsed = Policy.safeParse(jsonOf(text)).data?.Statement;
  const statements = z.array(Named).safeParse(Array.isArray(parsed) ? parsed : [parsed]).data;
  if (statements === undefined) return UNRECORDED.policyForm;
  const other = statements.flatMap(({ Resource }) => Resource).find((resource) => resource !== arn);
  return other === undefined ? undefined : `${TEXT.clusterPolicy} "${other}"`;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
