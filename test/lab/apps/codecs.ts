import { promisify } from "node:util";
import { zstdCompress, zstdDecompress } from "node:zlib";
import kafkajs from "kafkajs";
import { compressFrame, decompressFrame } from "lz4-napi";

// KafkaJS is CommonJS: Node sees only its first few names as named exports.
const { CompressionCodecs, CompressionTypes } = kafkajs;

const compressZstd = promisify(zstdCompress);
const decompressZstd = promisify(zstdDecompress);

type Encoder = { buffer: Buffer };

/** Teaches KafkaJS the codecs it lacks. KafkaJS keeps them in one table per process, so calling twice is harmless. */
export function registerCodecs(): void {
  CompressionCodecs[CompressionTypes.LZ4] = () => ({
    compress: (encoder: Encoder) => compressFrame(encoder.buffer),
    decompress: (buffer: Buffer) => decompressFrame(buffer),
  });
  CompressionCodecs[CompressionTypes.ZSTD] = () => ({
    compress: (encoder: Encoder) => compressZstd(encoder.buffer),
    decompress: (buffer: Buffer) => decompressZstd(buffer),
  });
}
