import type { MigrationSettings } from "#domain/settings.ts";
import { everybody } from "./acl-matching.ts";

/** Who an application of the source is on the target. */

export type Auth = MigrationSettings["target"]["auth"];

export type Mapped =
  | { readonly known: true; readonly to: string }
  | { readonly known: false; readonly why: string };

export type PrincipalRules = {
  readonly auth: Auth;
  /** `access.principals`: source to target. */
  readonly principals: Readonly<Record<string, string>>;
};

export const anonymous = "User:ANONYMOUS";
const user = "User:";

/**
 * What `access.principals` says; else the same name, where the target's way to authenticate can give it: a SCRAM user has
 * a plain name, a certificate's is its whole distinguished name (MSK has no `ssl.principal.mapping.rules`).
 */
export function mapPrincipal(principal: string, { auth, principals }: PrincipalRules): Mapped {
  if (principal === everybody) return { known: true, to: everybody };
  const told = Object.hasOwn(principals, principal) ? principals[principal] : undefined;
  if (told !== undefined) return checked(principal, told, auth);
  if (auth === "unauthenticated") {
    if (principal === anonymous) return { known: true, to: anonymous };
    return { known: false, why: "on a target without authentication everybody is User:ANONYMOUS" };
  }
  if (!principal.startsWith(user)) {
    return { known: false, why: `only principals that begin with ${user} exist on MSK` };
  }
  if (principal === anonymous) {
    return { known: false, why: "nobody is anonymous on the target; name who it is in access.principals" };
  }
  if (auth === "scram" && isDistinguishedName(principal)) {
    return { known: false, why: "a certificate's name; name its SCRAM user in access.principals" };
  }
  if (auth === "tls" && !isDistinguishedName(principal)) {
    return { known: false, why: "not a certificate's name; name its User:CN=… in access.principals" };
  }
  return { known: true, to: principal };
}

function checked(principal: string, to: string, auth: Auth): Mapped {
  if (to === anonymous && auth !== "unauthenticated") {
    return {
      known: false,
      why: `access.principals maps ${principal} to ${to}, which is whoever has no name`,
    };
  }
  if (auth === "iam" || to.startsWith(user)) return { known: true, to };
  const why = `access.principals maps ${principal} to ${to}, which is no principal of a target with ${auth}`;
  return { known: false, why };
}

function isDistinguishedName(principal: string): boolean {
  return /^User:.*\bCN=/i.test(principal);
}

/** "billing" of "User:billing"; `undefined` for everybody and for other types. */
export function userNameOf(principal: string): string | undefined {
  return principal.startsWith(user) && principal !== everybody ? principal.slice(user.length) : undefined;
}

/** Who the mirror and the bot are on the target: they log in alike. */
export function mirrorOnTarget({ target }: Pick<MigrationSettings, "target">): string {
  return target.auth === "scram" && target.scram !== undefined
    ? `${user}${target.scram.username}`
    : anonymous;
}

export function mirrorOnSource({ source }: Pick<MigrationSettings, "source">): string {
  if (source.principal !== undefined) return source.principal;
  return "username" in source.security ? `${user}${source.security.username}` : anonymous;
}
