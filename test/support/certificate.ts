import { generateKeyPairSync, randomBytes, sign } from "node:crypto";

/** X.509 in DER, as little of it as a TLS handshake with `localhost` needs (RFC 5280). */

const tags = {
  boolean: 0x01,
  integer: 0x02,
  bits: 0x03,
  bytes: 0x04,
  utf8: 0x0c,
  time: 0x17,
  sequence: 0x30,
  set: 0x31,
} as const;

function der(tag: number, ...contents: readonly Buffer[]): Buffer {
  const body = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag, ...lengthOf(body)]), body]);
}

/** In as few bytes as there can be: Java checks a signature over what it would have written itself. */
function lengthOf({ length }: Buffer): readonly number[] {
  if (length < 0x80) return [length];
  return length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
}

/** Object identifiers with their tag and length. */
const ids = {
  ecdsaWithSha256: Buffer.from("06082a8648ce3d040302", "hex"),
  commonName: Buffer.from("0603550403", "hex"),
  basicConstraints: Buffer.from("0603551d13", "hex"),
  alternativeName: Buffer.from("0603551d11", "hex"),
} as const;

/** UTCTime, with two digits of the year, as RFC 5280 has it until 2049. */
function time(at: number): Buffer {
  const digits = new Date(at).toISOString().replaceAll(/[-:T]|\.\d+/g, "");
  return der(tags.time, Buffer.from(digits.slice(2)));
}

const { sequence, set, utf8, integer } = tags;

type Pair = ReturnType<typeof pair>;

function pair() {
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}

function named(name: string): Buffer {
  return der(sequence, der(set, der(sequence, ids.commonName, der(utf8, Buffer.from(name)))));
}

type Content = {
  readonly subject: string;
  readonly holder: Pair;
  readonly issuer: string;
  readonly signer: Pair;
  readonly extension: Buffer;
  /** Milliseconds since the epoch. */
  readonly from: number;
  readonly until: number;
};

function certificate({ subject, holder, issuer, signer, extension, from, until }: Content): string {
  const algorithm = der(sequence, ids.ecdsaWithSha256);
  const content = der(
    sequence,
    der(0xa0, der(integer, Buffer.of(2))), // version 3
    der(integer, Buffer.from([1, ...randomBytes(8)])), // serial number, above zero
    algorithm,
    named(issuer),
    der(sequence, time(from), time(until)),
    named(subject),
    holder.publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, der(sequence, extension)),
  );
  const signature = der(tags.bits, Buffer.of(0), sign("sha256", content, signer.privateKey));
  const base64 = der(sequence, content, algorithm, signature).toString("base64");
  const lines = base64.replaceAll(/(.{64})/g, "$1\n").trim();
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}

/** For one host. */
function alternative(host: string): Buffer {
  return der(sequence, ids.alternativeName, der(tags.bytes, der(sequence, der(0x82, Buffer.from(host)))));
}

/** cA TRUE, critical. */
const mayIssue = der(
  sequence,
  ids.basicConstraints,
  der(tags.boolean, Buffer.of(0xff)),
  der(tags.bytes, der(sequence, der(tags.boolean, Buffer.of(0xff)))),
);

const hour = 3_600_000;

/** A certificate and its key, PEM texts. */
export type Certified = { readonly key: string; readonly cert: string };

/** A certificate for `localhost` that is its own authority, valid for an hour; a new one at each call. */
export function selfSigned(): Certified {
  const own = pair();
  const name = "localhost";
  const now = Date.now();
  const cert = certificate({
    subject: name,
    holder: own,
    issuer: name,
    signer: own,
    extension: alternative(name),
    from: now - 60_000,
    until: now + hour,
  });
  return { key: keyText(own), cert };
}

export type Authority = {
  readonly cert: string;
  /** For one host; valid for an hour from now unless told when it `ended`, in milliseconds since the epoch. */
  issue(host: string, ended?: number): Certified;
};

/** An authority of its own that signs what brokers show. */
export function createAuthority(name: string): Authority {
  const own = pair();
  const now = Date.now();
  const signer = { issuer: name, signer: own } as const;
  return {
    cert: certificate({
      ...signer,
      subject: name,
      holder: own,
      extension: mayIssue,
      from: now - 24 * hour,
      until: now + 24 * hour,
    }),
    issue(host, ended = now + hour) {
      const holder = pair();
      const from = Math.min(now, ended) - 12 * hour;
      const cert = certificate({
        ...signer,
        subject: host,
        holder,
        extension: alternative(host),
        from,
        until: ended,
      });
      return { key: keyText(holder), cert };
    },
  };
}

function keyText({ privateKey }: Pair): string {
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}
