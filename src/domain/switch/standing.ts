import type { FlowState } from "#domain/ports.ts";
import type { Phase } from "./wave-state.ts";

/** Where a wave stands, in one word, and what can be done next. Pure. */

export type Stage =
  | "not started"
  | "mirroring"
  | "caught up"
  | "paused"
  | "stopped"
  | "failed"
  | "unknown"
  | "consumers moved"
  | "producers moved"
  | "cleaned";

export type Standing = {
  readonly wave: string;
  readonly stage: Stage;
  /** Of the mirror that carries the wave now. */
  readonly mirror: FlowState | "unknown";
};

export function stageOf(phase: Phase, mirror: FlowState | "unknown", behind: number | null): Stage {
  if (phase === "cleaned") return "cleaned";
  if (phase === "producers-moved") return "producers moved";
  if (phase === "consumers-moved") return "consumers moved";
  switch (mirror) {
    case "absent":
      return "not started";
    case "running":
      return behind === 0 ? "caught up" : "mirroring";
    case "starting":
      return "mirroring";
    case "paused":
    case "stopped":
    case "failed":
    case "unknown":
      return mirror;
  }
}

/** The two next sensible commands. What is broken comes first; then the wave that is furthest under way. */
export function nextCommands(waves: readonly Standing[], targetExists: boolean): readonly string[] {
  if (!targetExists) return ["provision", "network"];
  const wishes = [
    ...waves.filter(isBroken).map(() => "replicate resume"),
    ...waves
      .filter(({ stage }) => stage === "stopped" || stage === "not started")
      .map(() => "replicate start"),
    ...waves
      .filter(({ stage }) => stage === "consumers moved")
      .map(({ wave }) => `cutover producers ${wave}`),
    ...waves.filter(({ stage }) => stage === "caught up").map(({ wave }) => `cutover consumers ${wave}`),
    ...(waves.some(({ stage }) => stage === "mirroring") ? ["lag"] : []),
    ...finishing(waves),
    ...waves.filter(({ stage }) => stage === "consumers moved").map(({ wave }) => `rollback ${wave}`),
    "lag",
  ];
  return [...new Set(wishes)].slice(0, 2);
}

/** Behind a cutover of producers a mirror that stands still closes the way back. */
function isBroken({ stage, mirror }: Standing): boolean {
  if (stage === "cleaned") return false;
  return mirror === "failed" || mirror === "paused";
}

function finishing(waves: readonly Standing[]): readonly string[] {
  const open = waves.filter(({ stage }) => stage !== "cleaned");
  if (open.length === 0) return ["audit export", "features"];
  return open.every(({ stage }) => stage === "producers moved") ? ["verify", "cleanup"] : [];
}
