import { z } from "zod";
import { page, paging } from "./cloud.ts";
import { ec2Refusal } from "./refusal.ts";
import type { Shape } from "./shapes.ts";
import type { Tags } from "./world.ts";

const filters = z.array(z.object({ Name: z.string(), Values: z.array(z.string()).default([]) })).default([]);

/** Members that Describe requests share, beside the list of ids. */
export const describing = { ...paging, Filters: filters };

/** What a filter of the given name sees of one thing; undefined where there is no such filter. */
export type FilterValues = { [name: string]: string[] };

export function tagList(tags: Tags): Shape[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

/** Filters that every tagged thing has. */
export function tagFilters(tags: Tags): FilterValues {
  const values: FilterValues = { "tag-key": Object.keys(tags) };
  for (const [key, value] of Object.entries(tags)) values[`tag:${key}`] = [value];
  return values;
}

function patternOf(text: string): RegExp {
  const escaped = text.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${escaped.replaceAll("*", ".*").replaceAll("?", ".")}$`);
}

function matches(values: FilterValues, asked: z.infer<typeof filters>): boolean {
  return asked.every(({ Name, Values }) => {
    const seen = values[Name];
    if (seen === undefined && !Name.startsWith("tag:")) {
      throw ec2Refusal("InvalidParameterValue", `The filter '${Name}' is invalid`);
    }
    return Values.some((text) => seen?.some((value) => patternOf(text).test(value)));
  });
}

type Listing<T> = {
  items: readonly T[];
  idOf: (item: T) => string;
  /** Ids asked for; each must exist. */
  ids: readonly string[] | undefined;
  missing: { code: string; noun: string };
  valuesOf: (item: T) => FilterValues;
};

/** What a Describe call answers: ids first (an unknown one is an error), then filters (AND; OR within), then a page. */
export function select<T>(
  listing: Listing<T>,
  ask: { Filters: z.infer<typeof filters>; MaxResults?: number | undefined; NextToken?: string | undefined },
): { items: T[]; NextToken: string | undefined } {
  const { items, idOf, ids, missing } = listing;
  for (const id of ids ?? []) {
    if (items.some((item) => idOf(item) === id)) continue;
    throw ec2Refusal(missing.code, `The ${missing.noun} ID '${id}' does not exist`);
  }
  const chosen = items.filter(
    (item) => (ids === undefined || ids.includes(idOf(item))) && matches(listing.valuesOf(item), ask.Filters),
  );
  return page(chosen, ask, "ec2");
}

const tagSpecifications = z
  .array(
    z.object({
      ResourceType: z.string().optional(),
      Tags: z.array(z.object({ Key: z.string(), Value: z.string().default("") })).default([]),
    }),
  )
  .default([]);

export const tagged = { TagSpecifications: tagSpecifications };

/** Tags given at creation of something of this type. */
export function tagsOf(specifications: z.infer<typeof tagSpecifications>, type: string): Tags {
  const other = specifications.find(({ ResourceType }) => ResourceType !== type);
  if (other !== undefined) {
    throw ec2Refusal(
      "InvalidParameterValue",
      `'${other.ResourceType}' is not a valid taggable resource type for this operation.`,
    );
  }
  return Object.fromEntries(
    specifications.flatMap((each) => each.Tags).map(({ Key, Value }) => [Key, Value]),
  );
}
