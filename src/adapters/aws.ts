import { z } from "zod";
import { type ErrorCode, FerryError } from "#domain/errors.ts";
import type { Log } from "#domain/ports.ts";

/** What the AWS clients share. Credentials, profiles and AWS_ENDPOINT_URL_* are read by the SDK itself. */

/** AWS's answer as `schema` has it: the SDK's types leave every member optional. */
export function parseAnswer<T>(schema: z.ZodType<T>, answer: unknown, what: string): T {
  const result = schema.safeParse(answer);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new FerryError(
    "E_INTERNAL",
    `AWS described ${what} in a form not known here: ${issue?.path.join(".")} ${issue?.message}`,
    { cause: result.error },
  );
}

/** Settings of every client: three attempts at what may be repeated, an answer within 20 s. The queue tries for longer. */
export function awsSettings(region: string) {
  return {
    region,
    maxAttempts: 3,
    requestHandler: { connectionTimeout: 5000, requestTimeout: 20_000, throwOnRequestTimeout: true },
  };
}

/** One call to AWS: `action` as IAM names it ("kafka:CreateClusterV2"), `resource` as a person knows it. */
export type AwsCall = {
  readonly action: string;
  readonly resource: string;
  readonly changes?: boolean;
  /** Of the AWS configuration files, where other credentials than the bot's own are used. */
  readonly profile?: string | undefined;
};

const Thrown = z.looseObject({
  name: z.string(),
  message: z.string(),
  code: z.string().optional(),
  $metadata: z.looseObject({ httpStatusCode: z.number().optional() }).optional(),
});

/** AWS's own name of an error: "ConflictException", "RouteAlreadyExists". */
function awsErrorName(thrown: unknown): string | undefined {
  return Thrown.safeParse(thrown).data?.name;
}

/** Sends, logs, and gives every failure its code. `expected` sees AWS's error name first and may answer in its place. */
export async function callAws<T>(
  log: Log,
  call: AwsCall,
  send: () => Promise<T>,
  expected: (name: string) => (() => Promise<T>) | undefined = () => undefined,
): Promise<T> {
  const { action, resource } = call;
  if (call.changes === true) log.info({ action, resource }, "aws is asked to change something");
  else log.debug({ action, resource }, "aws is asked");
  try {
    return await send();
  } catch (thrown) {
    const instead = expected(awsErrorName(thrown) ?? "");
    if (instead === undefined) throw awsError(thrown, call);
    return await instead();
  }
}

const credentials = new Set([
  "AuthFailure",
  "CredentialsProviderError",
  "ExpiredToken",
  "ExpiredTokenException",
  "IncompleteSignature",
  "InvalidClientTokenId",
  "InvalidSignatureException",
  "MissingAuthenticationToken",
  "MissingAuthenticationTokenException",
  "RequestExpired",
  "SignatureDoesNotMatch",
  "TokenProviderError",
  "UnrecognizedClientException",
]);
const access = new Set([
  "AccessDenied",
  "AccessDeniedException",
  "ForbiddenException",
  "UnauthorizedException",
  "UnauthorizedOperation",
]);
/** EC2 has a name for each quota, MSK says it in a sentence: "The number of broker nodes exceeds the quota …". */
function isQuota(name: string, message: string): boolean {
  if (name === "RequestLimitExceeded") return false;
  return (
    /(?:Limit|Quota)Exceeded/.test(name) ||
    /\bquota\b|limit (?:was |has been |is )?(?:exceeded|reached)|reached (?:the|your) (?:maximum|limit)|maximum number of [\w -]+ (?:has been |was )?(?:exceeded|reached)/i.test(
      message,
    )
  );
}

/** `ConcurrentUpdateException` is Application Auto Scaling's: another change of the same target is under way. */
const throttled = new Set([
  "ConcurrentUpdateException",
  "RequestLimitExceeded",
  "Throttling",
  "ThrottlingException",
  "TooManyRequestsException",
]);

/** EC2 adds a thousand characters that only sts:DecodeAuthorizationMessage reads; the cause keeps them. */
const encoded = /\s*Encoded authorization failure message: \S+/;

/** The one map from what AWS and its SDK throw to FerryError; AWS's sentence is kept. */
function awsError(thrown: unknown, call: AwsCall): FerryError {
  const { action, resource } = call;
  const parsed = Thrown.safeParse(thrown);
  if (thrown instanceof FerryError) return thrown;
  if (!parsed.success) {
    return new FerryError("E_INTERNAL", `${action} of ${resource}: ${String(thrown)}`, { cause: thrown });
  }
  const { name, message, $metadata, code } = parsed.data;
  const status = $metadata?.httpStatusCode;
  const known = status === undefined ? codeOfUnanswered(name, code) : codeOf(name, status, message);
  const sentence = message === "" ? (code ?? name) : message.replace(encoded, "");
  return new FerryError(known, sentenceFor(known, call, `${name}: ${sentence}`), {
    cause: thrown,
  });
}

/** Codes of the system's and of TLS's: a proxy that shows a certificate of its own, for instance. */
const unreached = /^(?:E[A-Z_]+$|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_)/;

/** Nothing came back: the network, no credentials to sign with, or a mistake of ours. */
function codeOfUnanswered(name: string, code: string | undefined): ErrorCode {
  if (credentials.has(name)) return "E_AWS_CREDENTIALS";
  return name === "TimeoutError" || unreached.test(code ?? "") ? "E_AWS_UNREACHABLE" : "E_INTERNAL";
}

function codeOf(name: string, status: number, message: string): ErrorCode {
  if (credentials.has(name)) return "E_AWS_CREDENTIALS";
  if (access.has(name)) return "E_AWS_ACCESS";
  if (throttled.has(name) || status === 429) return "E_AWS_THROTTLED";
  if (status >= 500 || status === 408) return "E_AWS_UNREACHABLE";
  if (isQuota(name, message)) return "E_AWS_QUOTA";
  return status === 401 ? "E_AWS_CREDENTIALS" : "E_AWS_REFUSED";
}

/** Endpoints are named after their Region. */
function unresolved(said: string): string {
  const isName = /\b(?:ENOTFOUND|EAI_AGAIN)\b/.test(said);
  return isName ? ". The name does not resolve: check that this Region exists, and the resolver" : "";
}

function sentenceFor(code: ErrorCode, { action, resource, profile }: AwsCall, said: string): string {
  const role = profile === undefined ? "The bot's role" : `The role of profile ${profile}`;
  const whose = profile === undefined ? "the bot's credentials" : `the credentials of profile ${profile}`;
  const sentences: Partial<Record<ErrorCode, string>> = {
    E_AWS_ACCESS: `${role} may not do ${action} on ${resource}. AWS: ${said}`,
    E_AWS_CREDENTIALS: `AWS does not accept ${whose} for ${action}. AWS: ${said}`,
    E_AWS_UNREACHABLE: `AWS did not answer ${action} of ${resource}: ${said}${unresolved(said)}`,
  };
  return sentences[code] ?? `${action} of ${resource}: ${said}`;
}
