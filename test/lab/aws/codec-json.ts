import type { NormalizedSchema } from "@smithy/core/schema";
import { badRequest } from "./refusal.ts";
import { isShape, type Operation, requiredMembers, type Shape, traitText } from "./shapes.ts";

function wireName(name: string, member: NormalizedSchema): string {
  return traitText(member, "jsonName") ?? name;
}

function isBound(member: NormalizedSchema): boolean {
  const traits = member.getMergedTraits();
  return traits.httpLabel !== undefined || traits.httpQuery !== undefined;
}

function wrong(path: string, wanted: string): never {
  throw badRequest(`Invalid request body: ${path} must be ${wanted}.`, path);
}

function decodeStructure(schema: NormalizedSchema, value: unknown, path: string): Shape {
  if (!isShape(value)) return wrong(path, "an object");
  const known = new Map([...schema.structIterator()].map(([name, member]) => [wireName(name, member), name]));
  for (const key of Object.keys(value)) {
    if (!known.has(key)) throw badRequest(`Invalid request body: unknown member ${path}.${key}.`, key);
  }
  const decoded: Shape = {};
  for (const [name, member] of schema.structIterator()) {
    const raw = value[wireName(name, member)];
    if (raw !== undefined && raw !== null) decoded[name] = decode(member, raw, wireName(name, member));
  }
  for (const name of requiredMembers(schema)) {
    const member = schema.getMemberSchema(name);
    if (decoded[name] === undefined && !isBound(member)) {
      throw badRequest(`Missing required parameter: ${wireName(name, member)}.`, wireName(name, member));
    }
  }
  return decoded;
}

function decodeBlob(value: unknown, path: string): Uint8Array {
  if (typeof value !== "string" || !/^[A-Za-z0-9+/\s]*={0,2}$/.test(value)) return wrong(path, "Base64");
  return Buffer.from(value, "base64");
}

function decodeSimple(schema: NormalizedSchema, value: unknown, path: string): unknown {
  if (schema.isBlobSchema()) return decodeBlob(value, path);
  // Seconds since the epoch, as awsJson writes them.
  if (schema.isTimestampSchema())
    return typeof value === "number" ? new Date(value * 1000) : wrong(path, "a time");
  if (schema.isBooleanSchema()) return typeof value === "boolean" ? value : wrong(path, "a boolean");
  if (schema.isNumericSchema()) return typeof value === "number" ? value : wrong(path, "a number");
  if (schema.isStringSchema()) return typeof value === "string" ? value : wrong(path, "a string");
  throw new Error(`the stand-in decodes no such schema: ${schema.getName(true) ?? path}`);
}

function decode(schema: NormalizedSchema, value: unknown, path: string): unknown {
  if (schema.isStructSchema()) return decodeStructure(schema, value, path);
  if (schema.isListSchema()) {
    if (!Array.isArray(value)) return wrong(path, "a list");
    return value.map((item, index) => decode(schema.getValueSchema(), item, `${path}[${index}]`));
  }
  if (schema.isMapSchema()) {
    if (!isShape(value)) return wrong(path, "a map");
    const entries = Object.entries(value);
    return Object.fromEntries(
      entries.map(([key, item]) => [key, decode(schema.getValueSchema(), item, `${path}.${key}`)]),
    );
  }
  return decodeSimple(schema, value, path);
}

function parseBody(text: string): unknown {
  if (text === "") return {};
  try {
    return JSON.parse(text);
  } catch {
    throw badRequest("Invalid request body: not JSON.");
  }
}

function queryValue(member: NormalizedSchema, name: string, given: string[]): unknown {
  if (member.isListSchema()) return given;
  const text = given[0] ?? "";
  if (!member.isNumericSchema()) return text;
  const number = Number(text);
  return text !== "" && Number.isFinite(number) ? number : wrong(name, "a number");
}

/** The operation that a method and path (raw, still URL-encoded) name, or undefined. */
export function matchRoute(
  operations: Iterable<Operation>,
  method: string,
  path: string,
): { operation: Operation; labels: string[] } | undefined {
  const parts = path.split("/").slice(1);
  for (const operation of operations) {
    const http = operation.http;
    if (http?.method !== method || http.segments.length !== parts.length) continue;
    if (!http.segments.every((segment, at) => segment.startsWith("{") || segment === parts[at])) continue;
    return { operation, labels: parts.map((part) => decodeURIComponent(part)) };
  }
  return undefined;
}

/** Input of a restJson1 request, checked against the model. Throws a 400 refusal on any mismatch. */
export function decodeJsonRequest(
  operation: Operation,
  labels: string[],
  query: URLSearchParams,
  text: string,
): Shape {
  const input = decodeStructure(operation.input, parseBody(text), operation.name);
  const segments = operation.http?.segments ?? [];
  for (const [name, member] of operation.input.structIterator()) {
    const label = segments.indexOf(`{${name}}`);
    const raw = labels[label];
    if (raw !== undefined) input[name] = member.isNumericSchema() ? queryValue(member, name, [raw]) : raw;
    const key = traitText(member, "httpQuery");
    if (key !== undefined && query.has(key)) input[name] = queryValue(member, key, query.getAll(key));
  }
  return input;
}

function encode(schema: NormalizedSchema, value: unknown): unknown {
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (Array.isArray(value)) return value.map((item) => encode(schema.getValueSchema(), item));
  if (!isShape(value)) return value;
  if (schema.isMapSchema()) return value;
  const encoded: Shape = {};
  for (const [name, item] of Object.entries(value)) {
    if (item === undefined) continue;
    const member = schema.getMemberSchema(name); // throws on a member that the model has not
    encoded[wireName(name, member)] = encode(member, item);
  }
  return encoded;
}

/** Body of a restJson1 answer; throws where a handler answers with what the model does not know. */
export function encodeJson(operation: Operation, output: Shape): string {
  return operation.output.isUnitSchema() ? "" : JSON.stringify(encode(operation.output, output));
}
