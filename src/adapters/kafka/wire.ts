/** Kafka's primitive types: big-endian integers, length-prefixed text, zigzag varints (KIP-482 for compact ones). */

export type Writer = {
  readonly i8: (value: number) => void;
  readonly i16: (value: number) => void;
  readonly i32: (value: number) => void;
  readonly i64: (value: number) => void;
  readonly bool: (value: boolean) => void;
  readonly text: (value: string | null) => void;
  readonly compactText: (value: string | null) => void;
  readonly array: <T>(items: readonly T[] | null, each: (item: T) => void) => void;
  readonly compactArray: <T>(items: readonly T[] | null, each: (item: T) => void) => void;
  /** An empty tagged-field section. */
  readonly tags: () => void;
  readonly done: () => Buffer;
};

export type Reader = {
  readonly i8: () => number;
  readonly i16: () => number;
  readonly i32: () => number;
  readonly u32: () => number;
  /** Exact up to 2^53. */
  readonly i64: () => number;
  readonly bool: () => boolean;
  readonly uvarint: () => number;
  /** Zigzag; covers varlong too, exact up to 2^53. */
  readonly varint: () => number;
  readonly text: () => string;
  readonly nullableText: () => string | null;
  readonly compactText: () => string;
  readonly compactNullableText: () => string | null;
  /** `null` for length -1. */
  readonly bytes: () => Buffer | null;
  readonly take: (length: number) => Buffer;
  readonly skip: (length: number) => void;
  readonly array: <T>(each: () => T) => T[];
  readonly compactArray: <T>(each: () => T) => T[];
  /** Skips a tagged-field section. */
  readonly tags: () => void;
  /** Reads `throttle_time_ms` and remembers it. */
  readonly throttle: () => void;
  readonly throttled: () => number;
  readonly position: () => number;
  readonly remaining: () => number;
};

const two32 = 0x1_0000_0000;

type Numbers = Pick<Writer, "i8" | "i16" | "i32" | "i64" | "done"> & {
  readonly uvarint: (value: number) => void;
  readonly utf8: (value: string, length: number) => void;
};

/** Bytes that grow: a request of many rows is written without an allocation for each. */
function createNumbers(first: Buffer): Numbers {
  let buffer = first;
  let position = 0;

  /** Where the next `length` bytes go. */
  function room(length: number): number {
    const start = position;
    position = start + length;
    if (position > buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(buffer.length * 2, position));
      buffer.copy(larger, 0, 0, start);
      buffer = larger;
    }
    return start;
  }

  function u8(value: number): void {
    const start = room(1);
    buffer[start] = value;
  }

  return {
    i8: u8,
    i16(value) {
      const start = room(2);
      buffer.writeInt16BE(value, start);
    },
    i32(value) {
      const start = room(4);
      buffer.writeInt32BE(value, start);
    },
    i64(value) {
      const start = room(8);
      const low = (Math.trunc(value) % two32) | 0;
      buffer.writeInt32BE(Math.floor(value / two32), start);
      buffer.writeInt32BE(low, start + 4);
    },
    uvarint(value) {
      let rest = value;
      for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) u8((rest % 0x80) + 0x80);
      u8(rest);
    },
    utf8(value, length) {
      const start = room(length);
      buffer.write(value, start);
    },
    done: () => buffer.subarray(0, position),
  };
}

/** Writes into `first` while there is room, then into a longer one. */
export function createWriter(first: Buffer = Buffer.allocUnsafe(512)): Writer {
  const { i8, i16, i32, i64, uvarint, utf8, done } = createNumbers(first);
  return {
    i8,
    i16,
    i32,
    i64,
    bool: (value) => i8(value ? 1 : 0),
    text(value) {
      if (value === null) return i16(-1);
      const length = Buffer.byteLength(value);
      i16(length);
      utf8(value, length);
    },
    compactText(value) {
      if (value === null) return uvarint(0);
      const length = Buffer.byteLength(value);
      uvarint(length + 1);
      utf8(value, length);
    },
    array(items, each) {
      i32(items === null ? -1 : items.length);
      for (const item of items ?? []) each(item);
    },
    compactArray(items, each) {
      uvarint(items === null ? 0 : items.length + 1);
      for (const item of items ?? []) each(item);
    },
    tags: () => uvarint(0),
    done,
  };
}

type Cursor = Pick<
  Reader,
  "i8" | "i16" | "i32" | "u32" | "i64" | "bool" | "uvarint" | "take" | "skip" | "position" | "remaining"
> & {
  readonly text: (length: number) => string;
};

/** Reads past the end throw a RangeError. */
function createCursor(buffer: Buffer): Cursor {
  let position = 0;

  function step(length: number): number {
    const start = position;
    position = start + length;
    return start;
  }

  return {
    i8: () => buffer.readInt8(step(1)),
    i16: () => buffer.readInt16BE(step(2)),
    i32: () => buffer.readInt32BE(step(4)),
    u32: () => buffer.readUInt32BE(step(4)),
    bool: () => buffer.readInt8(step(1)) !== 0,
    i64() {
      const start = step(8);
      return buffer.readInt32BE(start) * two32 + buffer.readUInt32BE(start + 4);
    },
    uvarint() {
      let value = 0;
      let scale = 1;
      for (;;) {
        const byte = buffer.readUInt8(step(1));
        value += (byte & 0x7f) * scale;
        if (byte < 0x80) return value;
        scale *= 0x80;
      }
    },
    take(length) {
      if (length < 0 || position + length > buffer.length) throw new RangeError("the answer ends early");
      const start = step(length);
      return buffer.subarray(start, start + length);
    },
    text(length) {
      const start = step(length);
      return buffer.toString("utf8", start, start + length);
    },
    skip: (length) => void step(length),
    position: () => position,
    remaining: () => buffer.length - position,
  };
}

export function createReader(buffer: Buffer): Reader {
  const cursor = createCursor(buffer);
  const { i16, i32, uvarint, take, text, skip } = cursor;
  let throttle = 0;

  return {
    ...cursor,
    varint() {
      const zigzag = uvarint();
      return zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
    },
    text: () => text(i16()),
    nullableText() {
      const length = i16();
      return length < 0 ? null : text(length);
    },
    compactText: () => text(uvarint() - 1),
    compactNullableText() {
      const length = uvarint();
      return length === 0 ? null : text(length - 1);
    },
    bytes() {
      const length = i32();
      return length < 0 ? null : take(length);
    },
    array: (each) => repeat(i32(), each),
    compactArray: (each) => repeat(uvarint() - 1, each),
    tags() {
      for (let left = uvarint(); left > 0; left -= 1) {
        uvarint();
        skip(uvarint());
      }
    },
    throttle() {
      throttle = i32();
    },
    throttled: () => throttle,
  };
}

function repeat<T>(count: number, each: () => T): T[] {
  const items: T[] = [];
  for (let index = 0; index < count; index += 1) items.push(each());
  return items;
}
