import { EC2Client } from "@aws-sdk/client-ec2";
import type { Log } from "#domain/ports.ts";
import { awsSettings, callAws } from "./aws.ts";

/** One account's EC2 in one Region. */
export type Connection = {
  readonly ec2: EC2Client;
  readonly ask: <T>(operation: string, resource: string, send: () => Promise<T>) => Promise<T>;
  /** `settled`: AWS's names for "it is so already", and what is answered then. */
  readonly change: <T>(
    operation: string,
    resource: string,
    send: () => Promise<T>,
    settled?: { readonly names: readonly string[]; readonly answer: () => Promise<T> },
  ) => Promise<T>;
};

/** `profile`: of the AWS configuration files; the SDK's own way to credentials where absent. */
export type Ec2Options = {
  readonly region: string;
  readonly profile?: string | undefined;
  readonly log: Log;
};

export function connectEc2({ region, profile, log }: Ec2Options): Connection {
  return {
    ec2: new EC2Client({ ...awsSettings(region), ...(profile === undefined ? {} : { profile }) }),
    ask: (operation, resource, send) => callAws(log, { action: `ec2:${operation}`, resource, profile }, send),
    change: (operation, resource, send, settled) =>
      callAws(log, { action: `ec2:${operation}`, resource, profile, changes: true }, send, (name) =>
        settled?.names.includes(name) === true ? settled.answer : undefined,
      ),
  };
}
