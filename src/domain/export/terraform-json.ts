/** Terraform's JSON syntax: an object is a block, an array of objects several of them; text is a template. */
export type Block = { readonly [key: string]: Json };
type Json = string | number | boolean | readonly Json[] | Block;

/** Text that Terraform must not take for a template (language/syntax/json, language/expressions/strings). */
export function literal(text: string): string {
  return text.replaceAll(/[$%](?=\{)/g, (sign) => sign + sign);
}
