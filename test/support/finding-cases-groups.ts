import { known, unknown } from "#domain/topology.ts";
import { type Case, cluster, group } from "./finding-cases.ts";
import type { Ago } from "./finding-cases-records.ts";
import { type Change, plainTopic } from "./finding-scene.ts";

/** Groups, and where they stand. */

const day = 86_400_000;

export function groupCases(ago: Ago): readonly Case[] {
  const member = { clientId: "a", host: "/10.0.0.1", instanceId: null, assignment: [] };
  const stray = { group, topic: plainTopic, partition: 0, start: 10, end: 20 };
  const strays = (kind: "expired" | "beyond" | "none", committed: number | undefined) => ({
    context: { positions: known([{ ...stray, kind, committed }]) },
  });
  return [
    {
      code: "GROUP_WITHOUT_OFFSETS",
      subject: group,
      severity: "warning",
      evidence: /no committed offset, 1 member/,
      provoked: { group: { topics: [], members: [member] } },
      silent: { group: { topics: [plainTopic], members: [member] } },
    },
    {
      code: "GROUP_WITHOUT_OFFSETS",
      subject: group,
      severity: "info",
      evidence: /no committed offset, 0 members/,
      provoked: { group: { topics: [], members: [] } },
      silent: { group: { topics: [], members: [], protocolType: "connect" } },
    },
    {
      code: "GROUP_OFFSET_EXPIRED",
      subject: group,
      severity: "warning",
      evidence: /-0 committed 9, the log starts at 10/,
      provoked: strays("expired", 9),
      silent: strays("beyond", 21),
    },
    {
      code: "GROUP_OFFSET_EXPIRED",
      subject: cluster,
      state: "unknown",
      severity: "warning",
      evidence: /was not read/,
      provoked: { context: { positions: unknown("orders was not read") } },
      silent: { context: { positions: known([]) } },
    },
    {
      code: "GROUP_OFFSET_BEYOND_END",
      subject: group,
      severity: "blocker",
      evidence: /-0 committed 21, the log ends at 20/,
      provoked: strays("beyond", 21),
      silent: strays("expired", 9),
    },
    {
      code: "GROUP_PARTITION_UNCOMMITTED",
      subject: group,
      severity: "warning",
      evidence: /-0 holds 10 to 20 and nothing is committed/,
      provoked: strays("none", undefined),
      silent: strays("expired", 9),
    },
    {
      code: "GROUP_READS_UNMIRRORED",
      subject: group,
      severity: "warning",
      evidence: /reads gone \(no longer there\), which no wave copies/,
      provoked: { group: { topics: [plainTopic, "gone"] } },
      silent: { group: { topics: [plainTopic] } },
    },
    {
      code: "GROUP_READS_UNMIRRORED",
      subject: group,
      severity: "warning",
      evidence: /-plain, which no wave copies/,
      provoked: { group: { topics: [plainTopic] }, topics: ["other"] },
      silent: { group: { topics: [plainTopic] }, topics: [".*"] },
    },
    {
      code: "GROUP_COMMITS_AGING",
      subject: group,
      severity: "warning",
      evidence: /forget offsets after 7 d/,
      provoked: aging(ago(4 * day)),
      silent: aging(ago(3 * day)),
    },
    {
      code: "GROUP_USES_ASSIGN",
      subject: group,
      severity: "warning",
      evidence: /assign\(\)/,
      provoked: { group: { usesAssign: known(true) } },
      silent: { group: { usesAssign: known(false) } },
    },
    {
      code: "GROUP_USES_ASSIGN",
      subject: group,
      state: "unknown",
      severity: "warning",
      evidence: /the window was too short/,
      provoked: { group: { usesAssign: unknown("the window was too short") } },
      silent: { group: { usesAssign: known(false) } },
    },
    {
      code: "GROUP_PROTOCOL",
      subject: group,
      severity: "warning",
      evidence: /"consumer", which Kafka has from 4\.0 on; MSK 3\.9\.x/,
      provoked: { group: { type: known("consumer") } },
      silent: { group: { type: known("consumer") }, shape: { kafkaVersion: "4.0.x.kraft" } },
    },
    {
      code: "GROUP_SHARE",
      subject: group,
      severity: "blocker",
      evidence: /a share group in state/,
      provoked: { group: { type: known("share") } },
      silent: { group: { type: known("classic") } },
    },
    {
      code: "GROUP_SHARE",
      subject: group,
      state: "unknown",
      severity: "warning",
      evidence: /before 3\.8/,
      provoked: { group: { type: unknown("brokers before 3.8 do not tell") } },
      silent: { group: { type: known("consumer") } },
    },
    {
      code: "GROUP_STATIC_MEMBERS",
      subject: group,
      severity: "info",
      evidence: /1 static member: pod-1/,
      provoked: { group: { members: [{ ...member, instanceId: "pod-1" }] } },
      silent: { group: { members: [member] } },
    },
    {
      code: "GROUP_STATE",
      subject: group,
      state: "unknown",
      severity: "warning",
      evidence: /does not tell its state/,
      provoked: { group: { state: "Unknown", members: [] } },
      silent: { group: { state: "Empty", members: [] } },
    },
    {
      code: "GROUP_NAME",
      subject: "app:1",
      severity: "info",
      evidence: /"app:1"/,
      provoked: { group: { id: "app:1" } },
      silent: { group: { id: "app-1" } },
    },
  ];
}

function aging(last: string): Change {
  return {
    group: { topics: [plainTopic], members: [], activity: known("idle"), lastCommit: known(last) },
  } as const;
}
