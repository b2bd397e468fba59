import { closest } from "fastest-levenshtein";

/** The candidate with the smallest edit distance, for "did you mean …?"; `undefined` when there is none. */
export function closestName(word: string, candidates: readonly string[]): string | undefined {
  return candidates.length === 0 ? undefined : closest(word, candidates);
}
