/** Address blocks, IPv4 and IPv6, in CIDR notation. */

type Block = { readonly family: 4 | 6; readonly first: bigint; readonly last: bigint };

/** Whether the two share an address. Blocks of different families never do; what is no block shares nothing. */
export function overlap(left: string, right: string): boolean {
  const [a, b] = [parse(left), parse(right)];
  if (a === undefined || b === undefined || a.family !== b.family) return false;
  return a.first <= b.last && b.first <= a.last;
}

/** The first two blocks that share an address, one of each side. */
export function firstOverlap(
  left: readonly string[],
  right: readonly string[],
): readonly [string, string] | undefined {
  for (const one of left) {
    const other = right.find((cidr) => overlap(one, cidr));
    if (other !== undefined) return [one, other];
  }
  return undefined;
}

/** Whether every address of `inner` is in `outer`. */
export function covers(outer: string, inner: string): boolean {
  const [a, b] = [parse(outer), parse(inner)];
  if (a === undefined || b === undefined || a.family !== b.family) return false;
  return a.first <= b.first && b.last <= a.last;
}

function parse(text: string): Block | undefined {
  const [address = "", length = ""] = text.split("/");
  const family = address.includes(":") ? 6 : 4;
  const bits = family === 6 ? 128 : 32;
  const value = family === 6 ? ipv6(address) : ipv4(address);
  const prefix = /^\d{1,3}$/.test(length) ? Number(length) : undefined;
  if (value === undefined || prefix === undefined || prefix > bits) return undefined;
  const size = 1n << BigInt(bits - prefix);
  const first = value - (value % size);
  return { family, first, last: first + size - 1n };
}

function ipv4(address: string): bigint | undefined {
  const parts = address.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256))
    return undefined;
  return parts.reduce((sum, part) => sum * 256n + BigInt(part), 0n);
}

function ipv6(address: string): bigint | undefined {
  const [head = "", tail, ...rest] = address.split("::");
  if (rest.length > 0) return undefined;
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const missing = 8 - before.length - after.length;
  if (tail === undefined ? missing !== 0 : missing < 0) return undefined;
  const groups = [...before, ...Array.from({ length: missing }, () => "0"), ...after];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return groups.reduce((sum, group) => sum * 65_536n + BigInt(`0x${group}`), 0n);
}
