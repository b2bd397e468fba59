import type { LagPoint } from "./ports.ts";

/** When a mirror will have caught up, from what was measured. Pure. */

export type Eta =
  | { readonly state: "unknown"; readonly why: string }
  | { readonly state: "caught-up" }
  /** Behind by no more than what arrives in half a minute: it keeps pace, and while records arrive it is never at zero. */
  | { readonly state: "keeping-up"; readonly seconds: number }
  | { readonly state: "not-catching-up" }
  /** Milliseconds since the epoch. `latest` is `null` when a part of the measurements says never. */
  | { readonly state: "in"; readonly at: number; readonly earliest: number; readonly latest: number | null };

const paceSeconds = 30;
/** Points that the band is taken from: at one a minute, what happened in the last ten minutes. */
const bandPoints = 10;

type Measured = {
  readonly at: number;
  readonly behind: number;
  readonly arriving: number;
  readonly copying: number;
};

/** From the newest point; the band from the best and the worst net rate of the last ten. */
export function eta(points: readonly LagPoint[]): Eta {
  const last = points.at(-1);
  if (last === undefined) return { state: "unknown", why: "nothing was measured yet" };
  if (last.behind === null) return { state: "unknown", why: "lag is not known" };
  if (last.behind === 0) return { state: "caught-up" };
  const recent = points.slice(-bandPoints).filter(isMeasured);
  const now = recent.at(-1);
  if (now === undefined || now.at !== last.at) return { state: "unknown", why: "rates are not known yet" };
  if (now.behind <= now.arriving * paceSeconds)
    return { state: "keeping-up", seconds: now.behind / now.arriving };
  const nets = recent.map(({ arriving, copying }) => copying - arriving);
  const net = now.copying - now.arriving;
  if (net <= 0) return { state: "not-catching-up" };
  const reach = (rate: number) => now.at + (now.behind / rate) * 1000;
  const slowest = Math.min(...nets);
  return {
    state: "in",
    at: reach(net),
    earliest: reach(Math.max(...nets)),
    latest: slowest > 0 ? reach(slowest) : null,
  };
}

function isMeasured(point: LagPoint): point is LagPoint & Measured {
  return point.behind !== null && point.arriving !== null && point.copying !== null;
}
