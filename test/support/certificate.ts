import { generateKeyPairSync, sign } from "node:crypto";

/** X.509 in DER, as little of it as a TLS handshake with `localhost` needs (RFC 5280). */

const tags = {
  integer: 0x02,
  bits: 0x03,
  bytes: 0x04,
  utf8: 0x0c,
  time: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

function der(tag: number, ...contents: readonly Buffer[]): Buffer {
  const body = Buffer.concat(contents);
  const long = body.length < 0x80 ? [body.length] : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...long]), body]);
}

/** Object identifiers with their tag and length. */
const ids = {
  ecdsaWithSha256: Buffer.from("06082a8648ce3d040302", "hex"),
  commonName: Buffer.from("0603550403", "hex"),
  alternativeName: Buffer.from("0603551d11", "hex"),
} as const;

function time(at: number): Buffer {
  return der(tags.time, Buffer.from(new Date(at).toISOString().replaceAll(/[-:T]|\.\d+/g, "")));
}

/** A certificate for `localhost` that is its own authority, valid for an hour; a new one at each call. PEM texts. */
export function selfSigned(): { readonly key: string; readonly cert: string } {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const { sequence, set, utf8, integer } = tags;
  const localhost = Buffer.from("localhost");
  const name = der(sequence, der(set, der(sequence, ids.commonName, der(utf8, localhost))));
  const algorithm = der(sequence, ids.ecdsaWithSha256);
  const alternative = der(tags.bytes, der(sequence, der(0x82, localhost)));
  const content = der(
    sequence,
    der(0xa0, der(integer, Buffer.of(2))), // version 3
    der(integer, Buffer.of(1)), // serial number
    algorithm,
    name,
    der(sequence, time(Date.now() - 60_000), time(Date.now() + 3_600_000)),
    name,
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, der(sequence, der(sequence, ids.alternativeName, alternative))),
  );
  const signature = der(tags.bits, Buffer.of(0), sign("sha256", content, privateKey));
  const base64 = der(sequence, content, algorithm, signature).toString("base64");
  const lines = base64.replaceAll(/(.{64})/g, "$1\n").trim();
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
  };
}
