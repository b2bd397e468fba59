import type { ClusterRequest } from "#domain/msk.ts";
import { guide, limits } from "./data.ts";
import type { Violation } from "./rules.ts";

/** What MSK demands of the ways to authenticate, and of what they name: authorities and secrets. */

const source = `${guide}/msk-authentication.html`;

type Asked = Pick<ClusterRequest, "auth" | "transit" | "certificateAuthorities">;

export function checkAuthentication({
  auth,
  transit,
  certificateAuthorities = [],
}: Asked): readonly Violation[] {
  const found = auth === "tls" ? checkAuthorities(certificateAuthorities) : [];
  if (auth === "unauthenticated" || transit === "tls") return found;
  return [
    ...found,
    transit === "plaintext"
      ? {
          rule: "Client-broker encryption in transit must be set to either TLS or TLS_PLAINTEXT to enable client authentication.",
          saw: `auth ${auth} with transit plaintext`,
          correction: "target.transit: tls",
          source,
        }
      : {
          rule: "You must enable unauthenticated traffic explicitly to use client-authentication using SASL over TLS_PLAINTEXT.",
          saw: `auth ${auth} with transit tls-plaintext, which lets everybody in`,
          correction: "target.transit: tls",
          source,
        },
  ];
}

function checkAuthorities(authorities: readonly string[]): readonly Violation[] {
  const correction = "target.certificateAuthorities: [arn:aws:acm-pca:…]";
  if (authorities.length === 0) {
    const rule = "Mutual TLS needs the ARN of at least one private certificate authority.";
    return [{ rule, saw: "auth tls without an authority", correction, source }];
  }
  const wrong = authorities.filter((arn) => !/^arn:aws[\w-]*:acm-pca:/.test(arn));
  if (wrong.length === 0) return [];
  const rule = "One or more of the certificate authority ARNs provided in the request are invalid.";
  return [{ rule, saw: wrong.join(", "), correction, source }];
}

/** Secrets of SCRAM users, by ARN: guide, msk-password.html. Whether they are of this account and Region: `checkSites`. */
export function checkSecrets(arns: readonly string[]): readonly Violation[] {
  const page = `${guide}/msk-password.html`;
  const most = limits.scramUsers;
  const wrong = arns.filter((arn) => !/^arn:[\w-]+:secretsmanager:[^:]+:\d*:secret:AmazonMSK_./.test(arn));
  const found: Violation[] = [];
  if (wrong.length > 0) {
    found.push({
      rule: "The provided secret arn cannot be used with Amazon MSK. Secret names must have the prefix 'AmazonMSK_'",
      saw: wrong.join(", "),
      correction: "target.scram.secretArns: [arn:aws:secretsmanager:REGION:ACCOUNT:secret:AmazonMSK_…]",
      source: page,
    });
  }
  if (arns.length > most) {
    found.push({
      rule: `A cluster has at most ${most} SCRAM users.`,
      saw: `${arns.length} secrets`,
      correction: "fewer users, or auth: iam",
      source: page,
    });
  }
  return found;
}
