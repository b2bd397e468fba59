import { BlockList } from "node:net";

function parse(cidr: string): { address: string; prefix: number; type: "ipv4" | "ipv6" } {
  const [address = "", prefix = ""] = cidr.split("/");
  return { address, prefix: Number(prefix), type: address.includes(":") ? "ipv6" : "ipv4" };
}

/** Whether `outer` holds all of `inner` (both CIDR blocks of one family). */
export function contains(outer: string, inner: string): boolean {
  const [large, small] = [parse(outer), parse(inner)];
  if (large.type !== small.type || large.prefix > small.prefix) return false;
  const list = new BlockList();
  list.addSubnet(large.address, large.prefix, large.type);
  return list.check(small.address, small.type);
}

export function overlaps(a: string, b: string): boolean {
  return contains(a, b) || contains(b, a);
}

/** Whether the text is an IPv4 or IPv6 CIDR block. */
export function isCidr(text: string): boolean {
  const { address, prefix, type } = parse(text);
  if (!/^\d+$/.test(text.split("/")[1] ?? "")) return false;
  try {
    new BlockList().addSubnet(address, prefix, type);
    return true;
  } catch {
    return false;
  }
}
