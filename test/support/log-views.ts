import type { LogView } from "#domain/offsets/log-view.ts";
import type { KafkaRecord } from "#domain/topology.ts";

/** Logs in memory for the tests of translation. */

/** A log written as text: each letter a record, its place its offset, `.` an offset without a data record. */
export function log(
  text: string,
  options: { start?: number; at?: (letter: string, index: number) => number } = {},
): LogView {
  const start = options.start ?? 0;
  const records = Array.from(text).flatMap((letter, index): KafkaRecord[] => {
    if (letter === ".") return [];
    const timestamp = options.at?.(letter, index) ?? letter.charCodeAt(0);
    return [record(start + index, letter, timestamp)];
  });
  return view(records, start, start + text.length);
}

export const always7 = () => 7;

export function record(offset: number, letter: string, timestamp: number): KafkaRecord {
  return { offset, timestamp, key: Buffer.from(letter), value: Buffer.from(`value ${letter}`), headers: [] };
}

export function view(
  records: readonly KafkaRecord[],
  start: number,
  end: number,
  compacted = false,
): LogView {
  return {
    start,
    end,
    compacted,
    read: async (from, { max, until = Number.POSITIVE_INFINITY }) => {
      // As a broker does: OFFSET_OUT_OF_RANGE.
      if (from < start || from > end) throw new Error(`the log does not hold offset ${from}`);
      const first = lowerBound(records, from);
      return records.slice(first, first + max).filter(({ offset }) => offset < until);
    },
    offsetAt: async (timestamp) => records.find((candidate) => candidate.timestamp >= timestamp)?.offset,
    endNow: async () => end,
  };
}

function lowerBound(records: readonly KafkaRecord[], offset: number): number {
  let [low, high] = [0, records.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((records[middle]?.offset ?? offset) < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
