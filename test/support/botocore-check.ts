import { readFileSync } from "node:fs";
import { z } from "zod";

/**
 * AWS's own model as botocore has it, which knows what the JavaScript SDK's schema leaves out: ranges, lengths, enumerations
 * and patterns. A second opinion on what this product sends, from the same source as the AWS CLI.
 */

const ModelShape = z.strictObject({
  type: z.enum([
    "structure",
    "list",
    "map",
    "string",
    "integer",
    "long",
    "float",
    "double",
    "boolean",
    "timestamp",
    "blob",
  ]),
  required: z.array(z.string()).default([]),
  /** Of a number its value, of a text or a list its length. */
  min: z.number().optional(),
  max: z.number().optional(),
  enum: z.array(z.string()).optional(),
  pattern: z.string().optional(),
  members: z.record(z.string(), z.string()).default({}),
  member: z.string().optional(),
  key: z.string().optional(),
  value: z.string().optional(),
});
type ModelShape = z.infer<typeof ModelShape>;

const Model = z.object({
  source: z.string(),
  services: z.record(
    z.string(),
    z.object({
      /** Name of the input's shape. */
      operations: z.record(z.string(), z.string()),
      shapes: z.record(z.string(), ModelShape),
    }),
  ),
});

const file = new URL("../fixtures/botocore-inputs.json", import.meta.url);
const model = Model.parse(JSON.parse(readFileSync(file, "utf8")));

const Fields = z.record(z.string(), z.unknown());

/** What AWS's model has against this input, each with its place: "BrokerNodeGroupInfo.ClientSubnets: …". Empty: nothing. */
export function objections(service: string, operation: string, input: unknown): readonly string[] {
  const found = model.services[service];
  const shape = found?.operations[operation];
  if (found === undefined || shape === undefined) {
    return [`${service} ${operation} is not in the model of ${model.source}`];
  }
  return check(input ?? {}, shape, operation);

  function check(value: unknown, name: string, at: string): readonly string[] {
    const shape = found?.shapes[name];
    if (shape === undefined) return [`${at}: the model has no ${name}`];
    if (shape.type === "structure") return checkStructure(value, shape, at);
    if (shape.type === "list") return checkList(value, shape, at);
    return shape.type === "map" ? checkMap(value, shape, at) : checkScalar(value, shape, at);
  }

  function checkStructure(value: unknown, { members, required }: ModelShape, at: string): readonly string[] {
    const fields = Fields.safeParse(value).data;
    if (fields === undefined) return [`${at}: not a structure`];
    const given = Object.entries(fields).filter(([, each]) => each !== undefined);
    const names = new Set(given.map(([name]) => name));
    return [
      ...required.filter((name) => !names.has(name)).map((name) => `${at}.${name}: missing`),
      ...given.flatMap(([name, each]) => {
        const member = members[name];
        return member === undefined ? [`${at}.${name}: unknown`] : check(each, member, `${at}.${name}`);
      }),
    ];
  }

  function checkList(value: unknown, shape: ModelShape, at: string): readonly string[] {
    if (!Array.isArray(value)) return [`${at}: not a list`];
    const { member = "" } = shape;
    const each = value.flatMap((item: unknown, index) => check(item, member, `${at}[${index}]`));
    return [...outside(value.length, "items", shape, at), ...each];
  }

  function checkMap(value: unknown, shape: ModelShape, at: string): readonly string[] {
    const fields = Fields.safeParse(value).data;
    if (fields === undefined) return [`${at}: not a map`];
    const { key = "", value: held = "" } = shape;
    return Object.entries(fields).flatMap(([name, each]) => [
      ...check(name, key, `${at} key`),
      ...check(each, held, `${at}.${name}`),
    ]);
  }
}

function checkScalar(value: unknown, shape: ModelShape, at: string): readonly string[] {
  const { type } = shape;
  if (type === "boolean") return typeof value === "boolean" ? [] : [`${at}: not a boolean`];
  if (type === "integer" || type === "long") {
    return Number.isInteger(value) ? outside(Number(value), "", shape, at) : [`${at}: not an integer`];
  }
  if (type === "float" || type === "double") {
    return typeof value === "number" ? outside(value, "", shape, at) : [`${at}: not a number`];
  }
  return typeof value === "string" ? checkText(value, shape, at) : [`${at}: not a text`];
}

function checkText(value: string, shape: ModelShape, at: string): readonly string[] {
  const { pattern } = shape;
  const odd = shape.enum !== undefined && !shape.enum.includes(value);
  const other = pattern !== undefined && !new RegExp(`^(?:${pattern})$`, "u").test(value);
  return [
    ...outside(value.length, "characters", shape, at),
    ...(odd ? [`${at}: ${value} is none of ${shape.enum?.join(", ")}`] : []),
    ...(other ? [`${at}: ${value} does not match ${pattern}`] : []),
  ];
}

function outside(size: number, unit: string, { min, max }: ModelShape, at: string): readonly string[] {
  const shown = `${size} ${unit}`.trimEnd();
  if (min !== undefined && size < min) return [`${at}: ${shown}, at least ${min}`];
  if (max !== undefined && size > max) return [`${at}: ${shown}, at most ${max}`];
  return [];
}
