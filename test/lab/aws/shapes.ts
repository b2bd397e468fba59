import { NormalizedSchema } from "@smithy/core/schema";

/** A structure of the API with the SDK's member names. */
export type Shape = { [member: string]: unknown };

/** Who calls: taken from the credential scope of the signature. */
export type Caller = { account: string; region: string };

/** One operation of the API model, as the SDK itself exports it. `http` is absent for EC2. */
export type Operation = {
  name: string;
  input: NormalizedSchema;
  output: NormalizedSchema;
  http: { method: string; segments: string[]; status: number } | undefined;
};

export type Handler = (input: Shape, caller: Caller) => Shape | Promise<Shape>;
export type Handlers = { [operation: string]: Handler };

type SchemaRef = Parameters<typeof NormalizedSchema.of>[0];
type OperationTuple = [9, string, string, unknown, SchemaRef, SchemaRef];

export function isShape(value: unknown): value is Shape {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isOperationTuple(value: unknown): value is OperationTuple {
  return Array.isArray(value) && value[0] === 9 && value.length >= 6;
}

function httpOf(traits: unknown): Operation["http"] {
  if (!isShape(traits) || !Array.isArray(traits["http"])) return undefined;
  const [method, path, status] = traits["http"];
  return { method: String(method), segments: String(path).split("/").slice(1), status: Number(status) };
}

/** Every operation that an SDK client module exports, by name: the official API model, not a copy of it. */
export function operationsOf(sdk: object): Map<string, Operation> {
  const found = new Map<string, Operation>();
  for (const value of Object.values(sdk)) {
    if (!isOperationTuple(value)) continue;
    const [, , name, traits, input, output] = value;
    found.set(name, {
      name,
      input: NormalizedSchema.of(input),
      output: NormalizedSchema.of(output),
      http: httpOf(traits),
    });
  }
  return found;
}

/** Names of the members that the model requires: the first N of a structure's member list. */
export function requiredMembers(schema: NormalizedSchema): string[] {
  const tuple: unknown = schema.getSchema();
  if (!Array.isArray(tuple) || !Array.isArray(tuple[4])) return [];
  return tuple[4].slice(0, Number(tuple[6] ?? 0)).map(String);
}

/** A trait of a member as text, or undefined where the model has none. */
export function traitText(schema: NormalizedSchema, trait: string): string | undefined {
  const traits: Shape = { ...schema.getMergedTraits() };
  const value = traits[trait];
  return typeof value === "string" ? value : undefined;
}
