import type { IncomingMessage } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { ZodError, z } from "zod";
import type { Cloud } from "./cloud.ts";
import { decodeEc2Request, encodeCallerIdentity, encodeEc2, encodeEc2Error } from "./codec-ec2.ts";
import { decodeJsonRequest, encodeJson, matchRoute } from "./codec-json.ts";
import { settlePeerings } from "./ec2-peering.ts";
import type { RecordedCall } from "./faults.ts";
import { settleClusters } from "./msk-operations.ts";
import { settleReplicators } from "./msk-replicators.ts";
import { AwsRefusal, badRequest, ec2Refusal, notFound } from "./refusal.ts";
import type { Caller, Handlers, Operation, Shape } from "./shapes.ts";
import { ACCOUNT, PARTNER_ACCOUNT, PARTNER_KEY_PREFIX } from "./world.ts";

type Service = "kafka" | "ec2" | "cloudwatch" | "application-autoscaling";
type Request = {
  service: Service;
  operation: Operation;
  decode: () => Shape;
  handlers: Handlers;
  caller: Caller;
};
/** What goes back over the wire. */
export type Answer = { status: number; body: string; headers: { [name: string]: string } };
/** The model, its handlers and what was called. */
export type StandIn = {
  cloud: Cloud;
  calls: RecordedCall[];
  kafka: { operations: Map<string, Operation>; handlers: Handlers };
  ec2: { operations: Map<string, Operation>; handlers: Handlers };
  cloudwatch: { operations: Map<string, Operation>; handlers: Handlers };
  "application-autoscaling": { operations: Map<string, Operation>; handlers: Handlers };
  log: (line: string) => void;
};

/** The answer of a connection that is to be cut. */
export const CUT = Symbol("cut");

/** Account and Region of the caller, from the signature's credential scope. The signature itself is not checked. */
function callerOf(request: IncomingMessage): (Caller & { service: string }) | undefined {
  const scope = /Credential=([^/,\s]+)\/\d{8}\/([\w-]+)\/([\w-]+)\/aws4_request/.exec(
    request.headers.authorization ?? "",
  );
  const [, key, region, service] = scope ?? [];
  if (key === undefined || region === undefined || service === undefined) return undefined;
  return { account: key.startsWith(PARTNER_KEY_PREFIX) ? PARTNER_ACCOUNT : ACCOUNT, region, service };
}

/** What JSON makes of a Buffer. */
const JsonBuffer = z.object({ type: z.literal("Buffer"), data: z.array(z.number()) });

/** A copy that later changes do not reach; bytes are shown as their length. */
function recordable(input: Shape): unknown {
  return JSON.parse(
    JSON.stringify(input, (_key, value: unknown) => {
      const bytes = JsonBuffer.safeParse(value).data?.data;
      return bytes === undefined ? value : `${bytes.length} bytes`;
    }),
  );
}

function refusalFrom(error: unknown, service: Service): AwsRefusal {
  const refusal = plainRefusal(error, service);
  const isMalformed = service === "application-autoscaling" && refusal.code === "BadRequestException";
  return isMalformed ? new AwsRefusal(400, "ValidationException", refusal.message) : refusal;
}

function plainRefusal(error: unknown, service: Service): AwsRefusal {
  if (error instanceof AwsRefusal) return error;
  if (!(error instanceof ZodError)) throw error;
  const issue = error.issues[0];
  const text = `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "invalid"}`;
  return service === "ec2" ? ec2Refusal("InvalidParameterValue", text) : badRequest(text);
}

function encodeRefusal(service: Service, refusal: AwsRefusal, requestId: string): Answer {
  if (service === "ec2") {
    const headers = { "content-type": "text/xml;charset=UTF-8" };
    return {
      status: refusal.status,
      body: encodeEc2Error(refusal.code, refusal.message, requestId),
      headers,
    };
  }
  const body = JSON.stringify({ message: refusal.message, invalidParameter: refusal.invalidParameter });
  const headers = { "content-type": "application/json", "x-amzn-ErrorType": refusal.code };
  return { status: refusal.status, body, headers };
}

function encodeOutput(request: Request, output: Shape, requestId: string): Answer {
  if (request.service === "ec2") {
    const headers = { "content-type": "text/xml;charset=UTF-8" };
    return { status: 200, body: encodeEc2(request.operation, output, requestId), headers };
  }
  const status = request.operation.http?.status ?? 200;
  return {
    status,
    body: encodeJson(request.operation, output),
    headers: { "content-type": "application/json" },
  };
}

async function carryOut(standIn: StandIn, request: Request, requestId: string): Promise<Answer | typeof CUT> {
  const { cloud } = standIn;
  const { service, operation, caller } = request;
  const call: RecordedCall = {
    at: new Date(cloud.now()).toISOString(),
    service,
    operation: operation.name,
    caller,
    input: undefined,
    status: 0,
    code: undefined,
  };
  standIn.calls.push(call);
  const fault = cloud.faults.onCall(service, operation.name);
  if (fault.delayMs > 0) await sleep(fault.delayMs);
  if (fault.cut === "before") return CUT;
  let answer: Answer;
  try {
    const input = request.decode();
    call.input = recordable(input);
    if (fault.refusal !== undefined) throw fault.refusal;
    answer = encodeOutput(request, await run(standIn, request, input), requestId);
  } catch (error) {
    const refusal = refusalFrom(error, service);
    call.code = refusal.code;
    answer = encodeRefusal(service, refusal, requestId);
  }
  call.status = answer.status;
  standIn.log(`${service} ${operation.name} ${answer.status} ${call.code ?? ""}`.trimEnd());
  return fault.cut === "after" ? CUT : answer;
}

async function run(standIn: StandIn, request: Request, input: Shape): Promise<Shape> {
  const { cloud } = standIn;
  settleClusters(cloud);
  settleReplicators(cloud);
  settlePeerings(cloud);
  const handler = request.handlers[request.operation.name];
  if (handler === undefined) {
    const text = `The stand-in does not model ${request.operation.name}.`;
    throw new AwsRefusal(501, "NotImplementedException", text);
  }
  if (input["DryRun"] === true) {
    throw new AwsRefusal(412, "DryRunOperation", "Request would have succeeded, but DryRun flag is set.");
  }
  if (request.service === "kafka") refuseForeign(input, request.caller);
  return handler(input, request.caller);
}

/** A resource of another account or Region is none of the caller's (the live text is not known). */
function refuseForeign(input: Shape, { account, region }: Caller): void {
  for (const name of ["ClusterArn", "ClusterOperationArn", "Arn", "ReplicatorArn", "ResourceArn"]) {
    const arn = input[name];
    if (typeof arn !== "string" || !arn.startsWith("arn:")) continue;
    const [, , , itsRegion, itsAccount] = arn.split(":");
    if (itsRegion === region && itsAccount === account) continue;
    throw notFound(`There is no ${arn} for account ${account} in ${region}.`, name);
  }
}

function missingToken(service: Service): AwsRefusal {
  return service === "ec2"
    ? new AwsRefusal(401, "AuthFailure", "AWS was not able to validate the provided access credentials")
    : new AwsRefusal(403, "MissingAuthenticationTokenException", "Missing Authentication Token");
}

/** ec2Query and STS: a form at `/`. */
export async function answerQuery(
  standIn: StandIn,
  message: IncomingMessage,
  form: URLSearchParams,
  requestId: string,
): Promise<Answer | typeof CUT> {
  const caller = callerOf(message);
  const action = form.get("Action") ?? "";
  if (caller === undefined) return encodeRefusal("ec2", missingToken("ec2"), requestId);
  if (caller.service === "sts" && action === "GetCallerIdentity") {
    const headers = { "content-type": "text/xml" };
    return { status: 200, body: encodeCallerIdentity(caller.account, requestId), headers };
  }
  const operation = standIn.ec2.operations.get(action);
  if (operation === undefined) {
    const refusal = ec2Refusal("InvalidAction", `The action ${action} is not valid for this web service.`);
    return encodeRefusal("ec2", refusal, requestId);
  }
  const { account, region } = caller;
  const decode = (): Shape => decodeEc2Request(operation, form);
  const { handlers } = standIn.ec2;
  return carryOut(
    standIn,
    { service: "ec2", operation, decode, handlers, caller: { account, region } },
    requestId,
  );
}

/** restJson1: method and path name the operation. */
export async function answerRest(
  standIn: StandIn,
  message: IncomingMessage,
  url: URL,
  text: string,
  requestId: string,
): Promise<Answer | typeof CUT> {
  const caller = callerOf(message);
  if (caller === undefined) return encodeRefusal("kafka", missingToken("kafka"), requestId);
  const matched = matchRoute(standIn.kafka.operations.values(), message.method ?? "GET", url.pathname);
  if (matched === undefined) return encodeRefusal("kafka", notFound("No such resource."), requestId);
  const { operation, labels } = matched;
  const { account, region } = caller;
  const decode = (): Shape => decodeJsonRequest(operation, labels, url.searchParams, text);
  const { handlers } = standIn.kafka;
  return carryOut(
    standIn,
    { service: "kafka", operation, decode, handlers, caller: { account, region } },
    requestId,
  );
}

/** awsJson of CloudWatch and Application Auto Scaling: a header names the operation, the latter's own by its prefix. */
export async function answerTarget(
  standIn: StandIn,
  message: IncomingMessage,
  target: string,
  text: string,
  requestId: string,
): Promise<Answer | typeof CUT> {
  const caller = callerOf(message);
  const [prefix, name = ""] = target.split(".");
  const service = prefix === "AnyScaleFrontendService" ? "application-autoscaling" : "cloudwatch";
  if (caller === undefined) return encodeRefusal(service, missingToken(service), requestId);
  const { operations, handlers } = standIn[service];
  const operation = operations.get(name);
  if (operation === undefined) return encodeRefusal(service, notFound("No such operation."), requestId);
  const { account, region } = caller;
  const decode = (): Shape => decodeJsonRequest(operation, [], new URLSearchParams(), text);
  return carryOut(standIn, { service, operation, decode, handlers, caller: { account, region } }, requestId);
}
