/**
 * What a failed task says of itself, in one line: the first line of its Java trace, and the last cause, which is the one
 * that tells. "ConnectException: Unrecoverable exception from producer send callback; RecordTooLargeException: …".
 */
export function whyFailed(trace: string | undefined): string {
  const lines = trace?.split("\n") ?? [];
  const [first] = lines;
  if (first === undefined || first === "") return "no trace was given";
  const cause = lines.findLast((line) => line.startsWith("Caused by: "))?.slice("Caused by: ".length);
  return cause === undefined ? first : `${first}; ${cause}`;
}
