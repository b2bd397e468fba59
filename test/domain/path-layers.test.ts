import { describe, expect, it } from "vitest";
import { endsSoon, layerOfTrace, remedyFor } from "#domain/network/path-layers.ts";

describe("what to do about a path that ends early", () => {
  it.each([
    { layer: "DNS", why: "ENOTFOUND: getaddrinfo ENOTFOUND kafka-1", says: "private hosted zone" },
    { layer: "TCP", why: "connect ECONNREFUSED 10.0.0.1:9092", says: "nothing listens" },
    { layer: "TCP", why: "no answer in 5000 ms", says: "packets are dropped" },
    { layer: "TCP", why: "connect EHOSTUNREACH 10.0.0.1:9092", says: "no route" },
    { layer: "TCP", why: "something new", says: "security groups" },
    { layer: "TLS", why: "CERT_HAS_EXPIRED; the certificate: kafka-1", says: "renew" },
    { layer: "TLS", why: "CERT_NOT_YET_VALID; the certificate: kafka-1", says: "clocks" },
    { layer: "TLS", why: "DEPTH_ZERO_SELF_SIGNED_CERT; the certificate: kafka-1", says: "`ca`" },
    { layer: "TLS", why: "ERR_TLS_CERT_ALTNAME_INVALID; the certificate: kafka-1", says: "by a name" },
    { layer: "TLS", why: "closed by the other side", says: "no TLS" },
    { layer: "SASL", why: "E_KAFKA_AUTH Authentication failed", says: "password" },
    { layer: "SASL", why: "E_KAFKA_AUTH UNSUPPORTED_SASL_MECHANISM", says: "sasl.enabled.mechanisms" },
    { layer: "authorization", why: "not allowed: DESCRIBE on the cluster", says: "/ferry plan iam" },
  ] as const)("$layer, $why: $says", ({ layer, why, says }) => {
    expect(remedyFor({ advertised: false, failing: { layer, why } })).toContain(says);
  });

  it("says who names an address that only the cluster knows", () => {
    const failing = { layer: "TCP", why: "connect ECONNREFUSED 10.0.0.1:9092" } as const;
    expect(remedyFor({ advertised: true, failing })).toContain("advertised.listeners");
    expect(remedyFor({ advertised: false, failing })).not.toContain("advertised.listeners");
  });
});

describe("the layer of a Java client's trace", () => {
  it.each([
    [
      "ConfigException: No resolvable bootstrap urls given in bootstrap.servers\n\tat org.apache.kafka",
      "DNS",
    ],
    ["org.apache.kafka.common.errors.TimeoutException: Timed out waiting for a node assignment", "TCP"],
    ["SslAuthenticationException: SSL handshake failed\nCaused by: PKIX path building failed", "TLS"],
    ["SaslAuthenticationException: Authentication failed: Invalid username or password", "SASL"],
    ["TopicAuthorizationException: Not authorized to access topics: [orders]", "authorization"],
    ["RecordTooLargeException: The message is 2097240 bytes", undefined],
  ])("of %j is %s", (trace, layer) => {
    expect(layerOfTrace(trace)).toBe(layer);
  });
});

describe("a certificate's end", () => {
  const day = 24 * 3_600_000;
  const now = Date.UTC(2026, 10, 23, 14);

  it("is spoken of from thirty days before", () => {
    expect(endsSoon(now + 31 * day, now)).toBeUndefined();
    expect(endsSoon(now + 30 * day, now)).toBe(30);
    expect(endsSoon(now + day / 2, now)).toBe(0);
    expect(endsSoon(undefined, now)).toBeUndefined();
  });
});
