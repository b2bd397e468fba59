import { gunzipSync, zstdDecompressSync } from "node:zlib";
import createSnappy from "kafkajs-snappy";
import { decompressFrameSync } from "lz4-napi";
import { FerryError } from "#domain/errors.ts";

const snappy = createSnappy();

/** By the codec bits of a batch's attributes. Snappy comes raw or in xerial's framing, lz4 as a frame. */
const decoders = new Map<number, (bytes: Buffer) => Buffer | Promise<Buffer>>([
  [0, (bytes) => bytes],
  [1, (bytes) => gunzipSync(bytes)],
  [2, (bytes) => snappy.decompress(bytes)],
  [3, (bytes) => decompressFrameSync(bytes)],
  [4, (bytes) => zstdDecompressSync(bytes)],
]);

/** @throws FerryError `E_KAFKA` for a codec that Kafka did not have when this was written, or for broken bytes. */
export async function decompress(attributes: number, bytes: Buffer): Promise<Buffer> {
  const codec = attributes & 0x07;
  const decoder = decoders.get(codec);
  if (!decoder) throw new FerryError("E_KAFKA", `A batch has the unknown compression codec ${codec}.`);
  try {
    return await decoder(bytes);
  } catch (cause) {
    throw new FerryError(
      "E_KAFKA",
      `A batch of ${bytes.length} bytes, codec ${codec}, does not decompress.`,
      {
        cause,
      },
    );
  }
}
