const steps = [
  { below: 1000, unit: "ms", ms: 1 },
  { below: 120_000, unit: "s", ms: 1000 },
  { below: 7_200_000, unit: "min", ms: 60_000 },
  { below: Number.POSITIVE_INFINITY, unit: "h", ms: 3_600_000 },
] as const;

/** Milliseconds for people, one unit: "41 s", "12 min", "48 h". */
export function spell(ms: number): string {
  const step = steps.find(({ below }) => ms < below) ?? steps[3];
  const amount = ms / step.ms;
  return `${amount < 10 && !Number.isInteger(amount) ? amount.toFixed(1) : Math.round(amount)} ${step.unit}`;
}
