import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";

/** Ed25519 keys (RFC 8032) that sign evidence and check it. */

export type Signer = {
  /** SubjectPublicKeyInfo, DER in base64: what `openssl pkey -pubout` writes between its lines. */
  readonly publicKey: string;
  /** SHA-256 of that DER, hexadecimal. */
  readonly fingerprint: string;
  /** Base64 of the 64 bytes. */
  sign(text: string): string;
};

/** A private key, PEM or base64 of PKCS#8 DER. Throws an `Error` that says what is wrong and never holds the key. */
export function readSigner(text: string): Signer {
  const key = readKey(text, createPrivateKey, "pkcs8");
  if (key === undefined) throw new Error("expected a private key, PEM or base64 of PKCS#8");
  if (key.asymmetricKeyType !== "ed25519") {
    throw new Error(`expected an Ed25519 key, not ${key.asymmetricKeyType ?? "a secret one"}`);
  }
  const publicKey = encoded(createPublicKey(key));
  return {
    publicKey,
    fingerprint: fingerprintOf(publicKey),
    sign: (message) => sign(null, Buffer.from(message), key).toString("base64"),
  };
}

/** A public key, PEM or base64 of its DER, in the form of `Signer.publicKey`; `undefined` for anything else. */
export function readPublicKey(text: string): string | undefined {
  const key = readKey(text, createPublicKey, "spki");
  return key?.asymmetricKeyType === "ed25519" ? encoded(key) : undefined;
}

/** Of a public key as `Signer.publicKey` has it. */
export function fingerprintOf(publicKey: string): string {
  return createHash("sha256").update(Buffer.from(publicKey, "base64")).digest("hex");
}

/** Whether this key made this signature of this text. Spellings of base64 that decode alike do not count as alike. */
export function isSignature(text: string, signature: string, publicKey: string): boolean {
  const bytes = Buffer.from(signature, "base64");
  if (bytes.toString("base64") !== signature || readPublicKey(publicKey) !== publicKey) return false;
  const key = createPublicKey({ key: Buffer.from(publicKey, "base64"), format: "der", type: "spki" });
  return verify(null, Buffer.from(text), key, bytes);
}

function encoded(key: KeyObject): string {
  return key.export({ format: "der", type: "spki" }).toString("base64");
}

/** An environment variable cannot always hold line ends, so `\n` spelled out counts as one. */
function readKey<T extends "pkcs8" | "spki">(
  text: string,
  read: (input: string | { key: Buffer; format: "der"; type: T }) => KeyObject,
  type: T,
): KeyObject | undefined {
  const plain = text.trim().replaceAll("\\n", "\n");
  try {
    if (plain.startsWith("-----BEGIN ")) return read(plain);
    return read({ key: Buffer.from(plain, "base64"), format: "der", type });
  } catch {
    // Its message may quote the key.
    return undefined;
  }
}
