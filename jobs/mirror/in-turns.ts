/** Reads at a time against one cluster. */
const width = 16;

/** Acts on all of them, so many at a time. The first failure ends it. */
export async function inTurns<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  for (let from = 0; from < items.length; from += width) {
    await Promise.all(items.slice(from, from + width).map(act));
  }
}
