/** Compares "3.9.2", "3.10.0-SNAPSHOT" and the like. A part that is no number counts as zero. */
export function isOlder(version: string, than: readonly number[]): boolean {
  const parts = version.split(/[.-]/).map((part) => Number.parseInt(part, 10) || 0);
  for (const [index, wanted] of than.entries()) {
    const part = parts[index] ?? 0;
    if (part !== wanted) return part < wanted;
  }
  return false;
}
