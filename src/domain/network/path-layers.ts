/** The layers of a path to a broker, from the lowest, and what to do about each that ends it. */

export const layers = ["DNS", "TCP", "TLS", "SASL", "authorization"] as const;
export type Layer = (typeof layers)[number];

/** What a path is: which broker, from where, how far. */
export type PathReport = {
  readonly cluster: "source" | "target";
  /** Where it starts: the bot, or what runs the mirror. */
  readonly from: "bot" | "workers";
  /** "kafka-1:9092"; of brokers that only the cluster names, "… (advertised)". */
  readonly endpoint: string;
  readonly advertised: boolean;
  readonly passed: readonly Layer[];
  /** Layers that this path does not use. */
  readonly unused: readonly Layer[];
  readonly failing: { readonly layer: Layer; readonly why: string } | undefined;
  /** What is not told, with the reason; such a layer neither passed nor failed. */
  readonly untold?: string;
  /** When the broker's certificate ends; milliseconds since the epoch. */
  readonly certificateEnds?: number;
};

type Cure = { readonly seen: RegExp; readonly remedy: string };

/** By what the system, TLS or Kafka says; the first that fits. Codes: Node's errors.html and tls.html#x509-certificate-error-codes. */
const cures: Readonly<Record<Layer, readonly Cure[]>> = {
  DNS: [
    {
      seen: /ENOTFOUND|EAI_AGAIN|UnknownHost|couldn't be resolved|no resolvable/i,
      remedy:
        "make the name resolvable from there: DNS resolution over the peering, a private hosted zone, or a resolver rule",
    },
  ],
  TCP: [
    {
      seen: /ECONNREFUSED/,
      remedy: "nothing listens there: check the port, the listener's address, and that the broker runs",
    },
    {
      seen: /no answer|ETIMEDOUT|timed? ?out/i,
      remedy:
        "packets are dropped on the way: check security groups, network ACLs and route tables of both sides for this port",
    },
    { seen: /EHOSTUNREACH|ENETUNREACH/, remedy: "there is no route: check the route tables of both sides" },
  ],
  TLS: [
    { seen: /CERT_HAS_EXPIRED|NotAfter/i, remedy: "renew the broker's certificate" },
    {
      seen: /CERT_NOT_YET_VALID|NotBefore/i,
      remedy: "check the clocks of both machines and the certificate's first day",
    },
    {
      seen: /SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|PKIX path/i,
      remedy: "give the authority that signed this certificate as `ca` in ferry.yaml",
    },
    {
      seen: /ALTNAME/,
      remedy: "reach the broker by a name that its certificate carries, or issue one for this name",
    },
    {
      seen: /EPROTO|wrong version|packet length|closed by the other side|ECONNRESET/i,
      remedy: "the port seems to speak no TLS: check `protocol` in ferry.yaml and the port",
    },
  ],
  SASL: [
    {
      seen: /mechanism/i,
      remedy: "check that the listener offers this mechanism (sasl.enabled.mechanisms) and `protocol`",
    },
    { seen: /UNREACHABLE|closed/i, remedy: "check that this listener speaks SASL: `protocol` in ferry.yaml" },
  ],
  authorization: [],
};

const usual: Readonly<Record<Layer, string>> = {
  DNS: "make the name resolvable from there",
  TCP: "check route tables, security groups and network ACLs of both sides for this port",
  TLS: "check `protocol` and `ca` in ferry.yaml, and the broker's certificate",
  SASL: "check user and password, or the role of the bot",
  authorization: "grant what is missing, by ACL or by IAM policy (`/ferry plan iam`)",
};

/** What to do about a path that ends at this layer for this reason. */
export function remedyFor({ advertised, failing }: Pick<PathReport, "advertised" | "failing">): string {
  if (failing === undefined) return "";
  const { layer, why } = failing;
  const cure = cures[layer].find(({ seen }) => seen.test(why))?.remedy ?? usual[layer];
  return advertised && (layer === "DNS" || layer === "TCP")
    ? `the cluster itself names this address (advertised.listeners): ${cure}`
    : cure;
}

/** The layer that a Java client's stack trace tells of; `undefined` when it tells of none. */
export function layerOfTrace(trace: string): Layer | undefined {
  const told: ReadonlyArray<readonly [RegExp, Layer]> = [
    [/AuthorizationException|not authorized/i, "authorization"],
    [/SaslAuthenticationException|SaslException|LoginException/, "SASL"],
    [/SslAuthenticationException|SSLHandshake|PKIX path|CertificateExpired/i, "TLS"],
    [/UnknownHostException|No resolvable bootstrap/i, "DNS"],
    [/TimeoutException|ConnectException|Connection to node|DisconnectException/, "TCP"],
  ];
  return told.find(([sign]) => sign.test(trace))?.[1];
}

/** Milliseconds before its end from which on a certificate is spoken of: a migration takes weeks. */
const certificateMargin = 30 * 24 * 3_600_000;

/** Whole days until a certificate ends, when that is soon; 0 is its last day. */
export function endsSoon(certificateEnds: number | undefined, now: number): number | undefined {
  if (certificateEnds === undefined || certificateEnds - now > certificateMargin) return undefined;
  return Math.floor((certificateEnds - now) / (24 * 3_600_000));
}
