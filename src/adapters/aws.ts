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
    /LimitExceeded/.test(name) || /\bquota\b|limit (?:was |has been |is )?(?:exceeded|reached)/i.test(message)
  );
}

const throttled = new Set([
  "RequestLimitExceeded",
  "Throttling",
  "ThrottlingException",
  "TooManyRequestsException",
]);

/** The one map from what AWS and its SDK throw to FerryError; AWS's sentence is kept. */
function awsError(thrown: unknown, { action, resource }: AwsCall): FerryError {
  const parsed = Thrown.safeParse(thrown);
  if (thrown instanceof FerryError) return thrown;
  if (!parsed.success) {
    return new FerryError("E_INTERNAL", `${action} of ${resource}: ${String(thrown)}`, { cause: thrown });
  }
  const { name, message, $metadata, code } = parsed.data;
  const status = $metadata?.httpStatusCode;
  const known = status === undefined ? codeOfUnanswered(name, code) : codeOf(name, status, message);
  const sentence = message === "" ? (code ?? name) : message;
  return new FerryError(known, sentenceFor(known, action, resource, `${name}: ${sentence}`), {
    cause: thrown,
  });
}

/** Nothing came back: the network, no credentials to sign with, or a mistake of ours. */
function codeOfUnanswered(name: string, code: string | undefined): ErrorCode {
  if (credentials.has(name)) return "E_AWS_CREDENTIALS";
  return name === "TimeoutError" || /^E[A-Z_]+$/.test(code ?? "") ? "E_AWS_UNREACHABLE" : "E_INTERNAL";
}

function codeOf(name: string, status: number, message: string): ErrorCode {
  if (credentials.has(name)) return "E_AWS_CREDENTIALS";
  if (access.has(name)) return "E_AWS_ACCESS";
  if (throttled.has(name) || status === 429) return "E_AWS_THROTTLED";
  if (status >= 500 || status === 408) return "E_AWS_UNREACHABLE";
  if (isQuota(name, message)) return "E_AWS_QUOTA";
  return status === 401 ? "E_AWS_CREDENTIALS" : "E_AWS_REFUSED";
}

function sentenceFor(code: ErrorCode, action: string, resource: string, said: string): string {
  const sentences: Partial<Record<ErrorCode, string>> = {
    E_AWS_ACCESS: `The bot's role may not do ${action} on ${resource}. AWS: ${said}`,
    E_AWS_CREDENTIALS: `AWS does not accept the bot's credentials for ${action}. AWS: ${said}`,
    E_AWS_UNREACHABLE: `AWS did not answer ${action} of ${resource}: ${said}`,
  };
  return sentences[code] ?? `${action} of ${resource}: ${said}`;
}
