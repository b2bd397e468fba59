import type { Check, Column, Part } from "#domain/message.ts";
import { endsSoon, layers, type PathReport, remedyFor } from "#domain/network/path-layers.ts";

/** A line per path with its layers, and under it what to do about each that ends early. `now` in milliseconds. */
export function pathParts(
  paths: readonly PathReport[],
  absent: string | undefined,
  now: number,
): readonly Part[] {
  const failing = paths.flatMap((path) => failingCheck(path));
  const remarks = [
    ...paths.flatMap((path) => certificateCheck(path, now)),
    ...paths.flatMap((path) => untoldCheck(path)),
  ];
  return [
    {
      kind: "table",
      columns: [left("from"), left("to"), left("broker"), ...layers.map(left)],
      rows: paths.map((path) => [
        path.from,
        path.cluster,
        path.endpoint,
        ...layers.map((layer) => cell(path, layer)),
      ]),
    },
    ...checks("First failing layer", failing),
    ...checks("Besides", remarks),
    ...(absent === undefined
      ? []
      : [{ kind: "note" as const, text: `The path to MSK was not probed: ${absent}` }]),
  ];
}

function checks(title: string, items: readonly Check[]): readonly Part[] {
  return items.length === 0 ? [] : [{ kind: "checks", title, items }];
}

function failingCheck(path: PathReport): readonly Check[] {
  const { failing, endpoint, from } = path;
  if (failing === undefined) return [];
  const where = from === "bot" ? endpoint : `${from} (${endpoint}) to the ${path.cluster}`;
  return [{ state: "fail", text: `${where}: ${failing.layer}, ${failing.why} → ${remedyFor(path)}` }];
}

function certificateCheck({ endpoint, certificateEnds }: PathReport, now: number): readonly Check[] {
  const days = endsSoon(certificateEnds, now);
  if (days === undefined) return [];
  const end = days <= 0 ? "today" : days === 1 ? "in 1 day" : `in ${days} days`;
  return [{ state: "warn", text: `${endpoint}: its certificate ends ${end} → renew it before the cutover` }];
}

function untoldCheck({ from, cluster, endpoint, untold }: PathReport): readonly Check[] {
  if (untold === undefined) return [];
  return [{ state: "unknown", text: `${from} to the ${cluster}, ${endpoint}: ${untold}` }];
}

function left(title: string): Column {
  return { title, align: "left" };
}

function cell({ passed, unused, failing, untold }: PathReport, layer: (typeof layers)[number]): string {
  if (failing?.layer === layer) return "fails";
  if (passed.includes(layer)) return "ok";
  if (unused.includes(layer)) return "not used";
  if (untold !== undefined) return "not told";
  return failing === undefined ? "not asked" : "not reached";
}
