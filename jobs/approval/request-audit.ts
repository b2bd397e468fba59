import type { Request, UnauditedEntry } from "#domain/approval/approval.ts";
import { FerryError } from "#domain/errors.ts";
import type { Lease } from "#domain/ports.ts";
import type { Work } from "#jobs/work.ts";
import {
  aboutRequest,
  changeRequest,
  readRequest,
  type StoredRequest,
  writeRequest,
} from "./request-store.ts";

/**
 * A change of a request and what the audit says of it are stored in one atomic step; the audit's chain is written
 * after it, each entry by its key once. What a crash left unwritten is written by a later review.
 */

/** What happened, without what every entry of the request has. */
export type Happened = Pick<UnauditedEntry, "actor" | "what"> & {
  readonly before?: unknown;
  readonly after?: unknown;
  readonly reason?: string;
  readonly detail?: object;
};

export type AuditedChange = { readonly next: Request; readonly entries: readonly Happened[] };

/** Entries younger than this are those of an attempt that is still at it, ms. */
const patienceMs = 60_000;
const tries = 20;

/** Undefined when somebody else changed it since `found` was read (or, with `lease`, throws `E_LEASE_LOST`). */
export async function writeAudited(
  found: StoredRequest,
  { next, entries }: AuditedChange,
  work: Work,
  lease?: Lease,
): Promise<StoredRequest | undefined> {
  const fresh = entries.map((entry, index) => stamped(next, entry, `${found.revision}-${index}`, work));
  const { unaudited = [] } = next;
  const noted: Request = fresh.length === 0 ? next : { ...next, unaudited: [...unaudited, ...fresh] };
  const condition = { revision: found.revision, ...(lease === undefined ? {} : { lease }) };
  const written = await writeRequest(work.store, noted, condition);
  if (written === undefined || fresh.length === 0) return written;
  for (const entry of fresh) await append(entry, work);
  return await strike(written, fresh, work);
}

/** Changes it whatever else changes it meanwhile. `change` returns undefined to leave it alone. */
export async function changeAudited(
  id: string,
  work: Work,
  change: (request: Request) => AuditedChange | undefined,
): Promise<Request | undefined> {
  for (let attempt = 0; attempt < tries; attempt += 1) {
    const found = await readRequest(work.store, work.migration.name, id);
    const changed = found && change(found.request);
    if (found === undefined || changed === undefined) return undefined;
    const written = await writeAudited(found, changed, work);
    if (written !== undefined) return written.request;
  }
  throw new FerryError("E_STORE", `request ${id} changed ${tries} times while changing it`);
}

/** Writes what an attempt that died has left unwritten. Returns the request as it is stored afterwards. */
export async function auditLeftovers(found: StoredRequest, work: Work): Promise<StoredRequest> {
  const old = work.clock.now() - patienceMs;
  const left = (found.request.unaudited ?? []).filter(({ at }) => Date.parse(at) <= old);
  if (left.length === 0) return found;
  for (const entry of left) await append(entry, work);
  return await strike(found, left, work);
}

/** Once, however many attempts come to it. */
async function append(entry: UnauditedEntry, work: Work): Promise<void> {
  await work.audit({ ...entry, key: entry.detail.key });
}

function stamped(request: Request, entry: Happened, mark: string, { clock }: Work): UnauditedEntry {
  const key = `${request.nonce}-${mark}`;
  const at = new Date(clock.now()).toISOString();
  const detail = { request: request.id, ...entry.detail, key };
  return { at, ...aboutRequest(request), ...entry, detail };
}

/** They are in the chain now. */
async function strike(
  stored: StoredRequest,
  entries: readonly UnauditedEntry[],
  work: Work,
): Promise<StoredRequest> {
  const done = new Set(entries.map(({ detail }) => detail.key));
  const without = ({ unaudited = [], ...request }: Request): Request => {
    const left = unaudited.filter(({ detail }) => !done.has(detail.key));
    return left.length === 0 ? request : { ...request, unaudited: left };
  };
  const { store } = work;
  const next = without(stored.request);
  const struck = await writeRequest(store, next, { revision: stored.revision });
  if (struck !== undefined) return struck;
  await changeRequest(store, next.migration, next.id, without);
  // Its revision is old: whoever goes on from here is told so by the next write.
  return stored;
}
