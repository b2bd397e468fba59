import { z } from "zod";

/** The security block that the `exec` driver hands over as JSON; a missing one means PLAINTEXT. */
export const AppSecurity = z.object({
  protocol: z.enum(["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]).default("PLAINTEXT"),
  mechanism: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  passwordEnv: z.string().optional(),
  caFile: z.string().optional(),
});
export type AppSecurity = z.infer<typeof AppSecurity>;
