import { generateAuthToken } from "aws-msk-iam-sasl-signer-js";
import type { SASLOptions } from "kafkajs";
import { FerryError } from "#domain/errors.ts";
import type { Clock } from "#domain/ports.ts";
import type { ClusterAccess } from "#domain/topology.ts";

/** KafkaJS's `ssl` and `sasl` settings. */
export type Transport = { readonly ssl: { ca?: string[] } | null; readonly sasl: SASLOptions | null };

type Token = { readonly token: string; readonly expiryTime: number };

/** Milliseconds before its end from which on a token is no longer handed out. */
const margin = 60_000;

const lowered = {
  PLAIN: "plain",
  "SCRAM-SHA-256": "scram-sha-256",
  "SCRAM-SHA-512": "scram-sha-512",
} as const;

/** @throws FerryError `E_SETTINGS` when credentials are missing. */
export function transport(
  access: ClusterAccess,
  clock: Clock,
  sign: (region: string) => Promise<Token> = (region) => generateAuthToken({ region }),
): Transport {
  const encrypted = access.protocol === "SSL" || access.protocol === "SASL_SSL";
  const ssl = encrypted ? (access.ca === undefined ? {} : { ca: [access.ca] }) : null;
  return { ssl, sasl: sasl(access, clock, sign) };
}

function sasl(
  access: ClusterAccess,
  clock: Clock,
  sign: (region: string) => Promise<Token>,
): Transport["sasl"] {
  if (!access.protocol.startsWith("SASL_")) return null;
  if (!access.sasl) throw new FerryError("E_SETTINGS", `${access.protocol} without a SASL mechanism.`);
  const { mechanism, username, password, region } = access.sasl;
  if (mechanism === "AWS_MSK_IAM") {
    if (region === undefined) throw new FerryError("E_SETTINGS", "AWS_MSK_IAM without a region.");
    const token = sharedToken(() => sign(region), clock);
    return { mechanism: "oauthbearer", oauthBearerProvider: async () => ({ value: await token() }) };
  }
  if (username === undefined || password === undefined) {
    throw new FerryError("E_SETTINGS", `${mechanism} without a user name or a password.`);
  }
  return { mechanism: lowered[mechanism], username, password };
}

/**
 * One token for all connections: KafkaJS asks for one per connection and re-authentication, and a fresh
 * signature each time may change the principal (aws-msk-iam-sasl-signer-js issue 19).
 */
export function sharedToken(sign: () => Promise<Token>, clock: Clock): () => Promise<string> {
  let held: Token | undefined;
  let signing: Promise<Token> | undefined;

  return async () => {
    if (held && held.expiryTime - margin > clock.now()) return held.token;
    signing ??= sign().finally(() => {
      signing = undefined;
    });
    held = await signing;
    return held.token;
  };
}
