import { z } from "zod";
import { pointers } from "./block-rules.ts";
import { Refusal, type World } from "./world.ts";

export type Reply = Record<string, unknown>;

/** One Web API method: the scope it needs, and the call on arguments not yet trusted. */
export type Method = { scope: string | null; call: (world: World, raw: unknown) => Reply };

/** Ties a method's argument schema to its code; wrong arguments become `invalid_arguments`. */
export function method<S extends z.ZodType>(
  scope: string | null,
  args: S,
  run: (world: World, args: z.output<S>) => Reply,
): Method {
  return {
    scope,
    call(world, raw) {
      const parsed = args.safeParse(raw);
      if (!parsed.success) throw new Refusal("invalid_arguments", pointers(parsed.error, ""));
      return run(world, parsed.data);
    },
  };
}

/** A boolean as a form field carries it. */
export const flag = z
  .union([z.boolean(), z.enum(["true", "false", "1", "0"])])
  .transform((value) => value === true || value === "true" || value === "1");

export const count = z.coerce.number().int().min(0);

/** A value which forms carry as JSON text. */
export function json<S extends z.ZodType>(schema: S) {
  return z.preprocess((value, context) => {
    if (typeof value !== "string") return value;
    try {
      return JSON.parse(value);
    } catch {
      context.addIssue({ code: "custom", message: "is not JSON", input: value });
      return z.NEVER;
    }
  }, schema);
}

/** One page of `all`, by the offset in the cursor. An empty cursor ends it. */
export function pageOf<T>(
  all: readonly T[],
  cursor: string | undefined,
  limit: number,
): { page: T[]; next: string } {
  const from = cursor ? Number(Buffer.from(cursor, "base64").toString().replace("at:", "")) : 0;
  if (!Number.isInteger(from) || from < 0) throw new Refusal("invalid_cursor");
  const to = from + limit;
  const next = to < all.length ? Buffer.from(`at:${to}`).toString("base64") : "";
  return { page: all.slice(from, to), next };
}
