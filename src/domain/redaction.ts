/** The one rule about what is a secret: logs, the audit and exported evidence leave the same things out. */

const censored = "[redacted]";
/** Whole last words of a name: `passwordEnv` and `secretArns` only name secrets. */
const secretName =
  /(?:^|[._-])(?:sasl\.jaas\.config)$|(?:token|secret|password|passphrase|authorization|accesskey|privatekey|credentials?)$/i;
const secretTexts: ReadonlyArray<readonly [RegExp, string]> = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[^]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, censored],
  [/\b(?:xox[abeoprs]|xapp)-[\w-]{8,}/g, censored],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g, censored],
  [/\b((?:Basic|Bearer) )(?=\S*[\d=])[\w+/=.~-]{8,}/g, `$1${censored}`],
  [/(\/\/)[^\s/@]+:[^\s/@]*@/g, `$1${censored}@`],
  [/\b(\w*(?:password|secret|token))=(?:"[^"]*"|'[^']*'|[^\s,;&"']+)/gi, `$1=${censored}`],
];

/**
 * A copy without secrets: text under a name that ends like one (`password`, `token` …), the value of a setting of such
 * a name, and what looks like one inside other text. Numbers and what is no plain object or list stay as they are.
 */
export function withoutSecrets(value: unknown): unknown {
  return copied(value, []);
}

/** The same for the fields of one object. */
export function fieldsWithoutSecrets(fields: object): Record<string, unknown> {
  return fieldsOf(fields, []);
}

function copied(value: unknown, above: readonly unknown[]): unknown {
  if (typeof value === "string") return cleaned(value);
  if (typeof value !== "object" || value === null || above.includes(value)) return value;
  const path = [...above, value];
  if (Array.isArray(value)) return value.map((item: unknown) => copied(item, path));
  return isPlain(value) ? fieldsOf(value, path) : value;
}

function fieldsOf(value: object, path: readonly unknown[]): Record<string, unknown> {
  const setting = secretSetting(value);
  return Object.fromEntries(
    Object.entries(value).map(([name, member]: [string, unknown]) => {
      const secret = secretName.test(name) || (setting && name === "value");
      return [name, secret && hides(member) ? censored : copied(member, path)];
    }),
  );
}

/** A lease's token is a number, and no secret. */
function hides(member: unknown): boolean {
  return typeof member === "string" && member !== "";
}

/** `{ name: "sasl.password", value: "…" }`, as Kafka tells its configuration. */
function secretSetting(value: object): boolean {
  const named = "name" in value ? value.name : "key" in value ? value.key : undefined;
  return typeof named === "string" && secretName.test(named);
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function cleaned(text: string): string {
  return secretTexts.reduce((left, [pattern, instead]) => left.replaceAll(pattern, instead), text);
}
