import type { Acl } from "#domain/topology.ts";
import { anyName } from "./acl-matching.ts";
import type { ResourceType } from "./decision.ts";

/**
 * Names that stand for all: two names that the same ACLs are about are treated alike, so that one of each such set is
 * enough to compare two lists of ACLs completely. Pure.
 */

export type ResourceClass = {
  readonly type: ResourceType;
  readonly name: string;
  /** For people: "payments", "orders-… (prefix)", "any other topic". */
  readonly text: string;
};

/** In no name of Kafka. */
const nul = "\u0000";

export function resourceClasses(type: ResourceType, acls: readonly Acl[]): readonly ResourceClass[] {
  const kind = type.toLowerCase().replace("_", " ");
  if (type === "CLUSTER") return [{ type, name: "kafka-cluster", text: "the cluster" }];
  const own = acls.filter(({ resourceType }) => resourceType === type);
  const literals = new Set(own.filter((acl) => !isPrefix(acl)).map(({ resourceName }) => resourceName));
  const prefixes = new Set(own.filter(isPrefix).map(({ resourceName }) => resourceName));
  literals.delete(anyName);
  return [
    ...[...literals].toSorted().map((name) => ({ type, name, text: `${kind} ${name}` })),
    ...[...prefixes]
      .toSorted()
      .map((name) => ({ type, name: `${name}${nul}`, text: `${kind} ${name}… (prefix)` })),
    { type, name: nul, text: `any other ${kind}` },
  ];
}

function isPrefix({ patternType }: Acl): boolean {
  return patternType === "PREFIXED";
}

export function isAnyOther({ name }: ResourceClass): boolean {
  return name === nul;
}

/** Finds the ACLs about a resource without looking at all of them. */
export function aclIndex(acls: readonly Acl[]): (type: ResourceType, name: string) => readonly Acl[] {
  const found = Map.groupBy(acls, (acl) => indexKey(acl.resourceType, acl.patternType, acl.resourceName));
  return (type, name) => {
    const keys = [indexKey(type, "LITERAL", anyName), indexKey(type, "LITERAL", name)];
    for (let length = 1; length <= name.length; length += 1) {
      keys.push(indexKey(type, "PREFIXED", name.slice(0, length)));
    }
    return [...new Set(keys)].flatMap((key) => found.get(key) ?? []);
  };
}

function indexKey(type: string, patternType: string, name: string): string {
  return `${type}\n${patternType}\n${name}`;
}
