import type { NormalizedSchema } from "@smithy/core/schema";
import { ec2Refusal } from "./refusal.ts";
import { isShape, type Operation, requiredMembers, type Shape, traitText } from "./shapes.ts";

const NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/";

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function queryName(name: string, member: NormalizedSchema): string {
  return traitText(member, "ec2QueryName") ?? capitalised(traitText(member, "xmlName") ?? name);
}

/** `A.1.B=x` → `{ A: { 1: { B: "x" } } }` */
function treeOf(form: URLSearchParams): Shape {
  const root: Shape = {};
  for (const [key, value] of form) {
    if (key === "Action" || key === "Version") continue;
    const parts = key.split(".");
    const last = parts.pop() ?? key;
    let node = root;
    for (const part of parts) {
      const next = node[part];
      const child: Shape = isShape(next) ? next : {};
      node[part] = child;
      node = child;
    }
    node[last] = value;
  }
  return root;
}

function invalid(path: string, value: unknown): never {
  const shown = typeof value === "string" ? value : "…";
  throw ec2Refusal("InvalidParameterValue", `Value (${shown}) for parameter ${path} is invalid.`);
}

function decodeSimple(schema: NormalizedSchema, value: unknown, path: string): unknown {
  if (typeof value !== "string") return invalid(path, value);
  if (schema.isBooleanSchema()) {
    if (value !== "true" && value !== "false") return invalid(path, value);
    return value === "true";
  }
  if (schema.isNumericSchema()) {
    const number = Number(value);
    return value !== "" && Number.isFinite(number) ? number : invalid(path, value);
  }
  return value;
}

function decode(schema: NormalizedSchema, value: unknown, path: string): unknown {
  if (schema.isStructSchema()) return decodeStructure(schema, value, path);
  if (!schema.isListSchema()) return decodeSimple(schema, value, path);
  if (!isShape(value)) return invalid(path, value);
  const indexes = Object.keys(value).sort((a, b) => Number(a) - Number(b));
  return indexes.map((index) => decode(schema.getValueSchema(), value[index], `${path}.${index}`));
}

function decodeStructure(schema: NormalizedSchema, value: unknown, path: string): Shape {
  if (!isShape(value)) return invalid(path, value);
  const prefix = path === "" ? "" : `${path}.`;
  const members = new Map(
    [...schema.structIterator()].map(([name, member]) => [queryName(name, member), name]),
  );
  const decoded: Shape = {};
  for (const [key, raw] of Object.entries(value)) {
    const name = members.get(key);
    if (name === undefined) {
      throw ec2Refusal("UnknownParameter", `The parameter ${prefix}${key} is not recognized`);
    }
    decoded[name] = decode(schema.getMemberSchema(name), raw, `${prefix}${key}`);
  }
  for (const name of requiredMembers(schema)) {
    if (decoded[name] !== undefined) continue;
    const missing = `${prefix}${queryName(name, schema.getMemberSchema(name))}`;
    throw ec2Refusal("MissingParameter", `The request must contain the parameter ${missing}`);
  }
  return decoded;
}

/** Input of an ec2Query form, checked against the model. Throws a 400 refusal on any mismatch. */
export function decodeEc2Request(operation: Operation, form: URLSearchParams): Shape {
  return decodeStructure(operation.input, treeOf(form), "");
}

function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

function encode(schema: NormalizedSchema, value: unknown): string {
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) {
    return value.map((item) => `<item>${encode(schema.getValueSchema(), item)}</item>`).join("");
  }
  if (!isShape(value)) return escaped(String(value));
  let xml = "";
  for (const [name, item] of Object.entries(value)) {
    if (item === undefined) continue;
    const member = schema.getMemberSchema(name); // throws on a member that the model has not
    const tag = traitText(member, "xmlName") ?? name;
    xml += `<${tag}>${encode(member, item)}</${tag}>`;
  }
  return xml;
}

/** Body of an EC2 answer. Operations without output answer `<return>true</return>`, as EC2 does. */
export function encodeEc2(operation: Operation, output: Shape, requestId: string): string {
  const inner = operation.output.isUnitSchema() ? "<return>true</return>" : encode(operation.output, output);
  const root = `${operation.name}Response`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root} xmlns="${NAMESPACE}"><requestId>${requestId}</requestId>${inner}</${root}>`;
}

/** Body of an EC2 error. */
export function encodeEc2Error(code: string, message: string, requestId: string): string {
  const error = `<Error><Code>${escaped(code)}</Code><Message>${escaped(message)}</Message></Error>`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors>${error}</Errors><RequestID>${requestId}</RequestID></Response>`;
}

/** Body of STS GetCallerIdentity: the one operation of a third service, so that `aws sts` works too. */
export function encodeCallerIdentity(account: string, requestId: string): string {
  const arn = `arn:aws:iam::${account}:user/lab`;
  const result = `<GetCallerIdentityResult><Arn>${arn}</Arn><UserId>AIDALABUSER${account.slice(0, 9)}</UserId><Account>${account}</Account></GetCallerIdentityResult>`;
  return `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">${result}<ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata></GetCallerIdentityResponse>`;
}
