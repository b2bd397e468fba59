import type { Assessment } from "#domain/assessment.ts";
import { canonical } from "#domain/canonical.ts";
import { markdownTable } from "#domain/markdown.ts";
import type { Known } from "#domain/topology.ts";
import { type Cell, type Cells, type Kind, kinds, type Things } from "./assessment-parts.ts";

/** What is another one in the later of two assessments. What is measured moves all the time: it has a tolerance. */

export type Change = {
  readonly about: Kind;
  readonly subject: string;
  /** "added", "removed", or what of it changed: "partitions", "retention.ms". */
  readonly what: string;
  /** `null`: it was not there, or is not any more. */
  readonly before: string | null;
  readonly after: string | null;
};

/** All changes, in the order of `about`, then by name: the same for the same two assessments. */
export function assessmentDiff(before: Assessment, after: Assessment): readonly Change[] {
  return kinds.flatMap(([about, of]) => compareKnown(about, of(before), of(after)));
}

/** What comes and goes as one list, and may not be known as one. */
function compareKnown(about: Kind, before: Known<Things>, after: Known<Things>): readonly Change[] {
  if (before.known && after.known) return compare(about, before.value, after.value);
  if (before.known === after.known) return [];
  return [{ about, subject: `all ${about}s`, what: "known", before: amount(before), after: amount(after) }];
}

function amount(list: Known<Things>): string {
  return list.known ? String(list.value.size) : `unknown (${list.why})`;
}

function compare(about: Kind, before: Things, after: Things): readonly Change[] {
  const names = [...new Set([...before.keys(), ...after.keys()])].toSorted();
  return names.flatMap((subject): readonly Change[] => {
    const [was, is] = [before.get(subject), after.get(subject)];
    if (was === undefined) return [{ about, subject, what: "added", before: null, after: is?.text ?? "" }];
    if (is === undefined) return [{ about, subject, what: "removed", before: was.text, after: null }];
    return compareCells(was.cells, is.cells).map((change) => ({ about, subject, ...change }));
  });
}

function compareCells(before: Cells, after: Cells): ReadonlyArray<Pick<Change, "what" | "before" | "after">> {
  const names = [...new Set([...before.keys(), ...after.keys()])];
  return names.flatMap((what) => {
    const [was, is] = [before.get(what), after.get(what)];
    if (!isAnother(was, is)) return [];
    return [{ what, before: was?.text ?? null, after: is?.text ?? null }];
  });
}

/** A measured value is another one when it is less than half of the other, or was not known: noise is neither. */
function isAnother(was: Cell | undefined, is: Cell | undefined): boolean {
  if (was?.measured === undefined || is?.measured === undefined) return was?.text !== is?.text;
  const [less = 0, more = 0] = [was.measured.value, is.measured.value].toSorted((a, b) => a - b);
  return less < more / 2 && more - less > is.measured.floor;
}

/** In words, for the message and the report. */
export const toleranceText = "Rates, sizes and lags are told where one is less than half of the other.";

/** The comparison for people (Markdown) and for machines (JSON): the same content. */
export function diffReport(
  before: Assessment,
  after: Assessment,
  changes: readonly Change[],
): { readonly markdown: string; readonly json: string } {
  const times = { before: before.taken.at, after: after.taken.at };
  const kinds = [...Map.groupBy(changes, ({ about }) => about)];
  const markdown = [
    `# What changed on the source of ${after.migration}`,
    "",
    `Between the assessment of ${times.before} and that of ${times.after}. ${toleranceText}`,
    "",
    ...(kinds.length === 0 ? ["Nothing changed.", ""] : []),
    ...kinds.flatMap(([about, of]) => [
      `## ${plural(about)}: ${of.length}`,
      "",
      ...markdownTable(
        [about, "what", "before", "after"],
        of.map((change) => [change.subject, change.what, change.before ?? "", change.after ?? ""]),
      ),
      "",
    ]),
  ].join("\n");
  return { markdown, json: `${canonical({ migration: after.migration, times, changes })}\n` };
}

/** "findings", "ACLs"; of a cluster there is one. */
export function plural(about: Kind): string {
  return about === "cluster" ? about : `${about}s`;
}
