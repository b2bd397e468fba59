import { z } from "zod";

/** How a Kafka Connect cluster is reached, as a team writes it down. */

/** Basic authentication has keys of its own: Node's fetch refuses a URL that holds a login. */
const ConnectUrl = z
  .url({ protocol: /^https?$/, error: "expected http://… or https://…" })
  .refine((url) => !url.includes("@"), "expected no login in the URL: it goes into username and passwordEnv");

export const ConnectSettings = z
  .strictObject({
    url: ConnectUrl,
    username: z.string().optional(),
    passwordEnv: z.string().optional(),
    caFile: z.string().optional(),
  })
  .refine(({ url, caFile }) => caFile === undefined || url.startsWith("https:"), {
    path: ["caFile"],
    error: "caFile needs a url of https://…",
  })
  .refine(({ username, passwordEnv }) => (username === undefined) === (passwordEnv === undefined), {
    path: ["passwordEnv"],
    error: "username and passwordEnv are needed both, or neither",
  });
