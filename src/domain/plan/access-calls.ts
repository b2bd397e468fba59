import { planAclCopy } from "#domain/access/copy.ts";
import { mirrorOnSource, mirrorOnTarget } from "#domain/access/principals.ts";
import { planQuotaCopy } from "#domain/access/quotas.ts";
import type { Assessment } from "#domain/assessment.ts";
import { mirrorClientId } from "#domain/mirror/flow.ts";
import type { PlannedCall, Shape } from "#domain/plan.ts";
import type { Migration } from "#domain/settings.ts";
import { known } from "#domain/topology.ts";

/**
 * What of the source's access will be asked of the target, from the assessment: as if the target had nothing yet. Where
 * clients log in with IAM or not at all MSK looks at no ACL, and none is copied.
 */

const step = "access copy";
const thenRead =
  "read again from both clusters when it is asked for; what the target has by then stays as it is";

export function accessCalls(
  { acls, quotas }: Pick<Assessment, "acls" | "quotas">,
  { kind }: Pick<Shape, "kind">,
  { name, settings }: Migration,
): readonly PlannedCall[] {
  const { auth } = settings.target;
  const rules = { auth, principals: settings.access.principals };
  const calls: PlannedCall[] = [];
  if (acls.known && acls.value.length > 0 && (auth === "scram" || auth === "tls")) {
    const copy = planAclCopy({
      source: acls.value,
      target: [],
      fences: [],
      rules,
      mirror: { source: mirrorOnSource(settings), target: mirrorOnTarget(settings) },
      targetSuperUsers: known([]),
    });
    const wanted = [...copy.keep, ...copy.add];
    if (wanted.length > 0)
      calls.push({ step, to: "target", call: "CreateAcls", args: { acls: wanted }, later: thenRead });
  }
  if (!quotas.known) return calls;
  const { set } = planQuotaCopy({
    source: quotas.value,
    target: [],
    rules,
    kind,
    mirrorClientId: mirrorClientId(name),
  });
  if (set.length > 0)
    calls.push({ step, to: "target", call: "AlterClientQuotas", args: { quotas: set }, later: thenRead });
  return calls;
}
