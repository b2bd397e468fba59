import { isFinal, Request } from "#domain/approval/approval.ts";
import { FerryError } from "#domain/errors.ts";
import type { Lease, Store } from "#domain/ports.ts";

/** Requests in the store: one document each, changed only by compare-and-set. */

export type StoredRequest = { readonly request: Request; readonly revision: number };

const tries = 20;

export function requestKey(migration: string, id: string): string {
  return `request:${migration}:${id}`;
}

export async function readRequest(
  store: Store,
  migration: string,
  id: string,
): Promise<StoredRequest | undefined> {
  const found = await store.read(requestKey(migration, id));
  return found && { request: Request.parse(found.value), revision: found.revision };
}

/** What an audit entry is about, and the wave it belongs to. */
export function aboutRequest({ id, asked, proposal }: Request): { subject: string; wave?: string } {
  const wave = proposal.wave ?? asked.wave;
  return { subject: id, ...(wave === undefined ? {} : { wave }) };
}

/** Undefined when somebody else changed it since it was read (or, with `lease`, throws `E_LEASE_LOST`). */
export async function writeRequest(
  store: Store,
  request: Request,
  condition: { readonly revision: number; readonly lease?: Lease },
): Promise<StoredRequest | undefined> {
  const revision = await store.write(requestKey(request.migration, request.id), request, condition);
  return revision === undefined ? undefined : { request, revision };
}

/** Changes it whatever else changes it meanwhile. `change` returns undefined to leave it alone. */
export async function changeRequest(
  store: Store,
  migration: string,
  id: string,
  change: (request: Request) => Request | undefined,
): Promise<Request | undefined> {
  for (let attempt = 0; attempt < tries; attempt += 1) {
    const found = await readRequest(store, migration, id);
    const next = found && change(found.request);
    if (found === undefined || next === undefined) return undefined;
    const written = await writeRequest(store, next, { revision: found.revision });
    if (written !== undefined) return written.request;
  }
  throw new FerryError("E_STORE", `request ${id} changed ${tries} times while changing it`);
}

/** Every request of a migration, in the order of their ids. */
export async function listRequests(store: Store, migration: string): Promise<readonly Request[]> {
  const keys = await store.keys(requestKey(migration, ""));
  const found = await Promise.all(keys.map((key) => store.read(key)));
  return found.flatMap((document) => (document === undefined ? [] : [Request.parse(document.value)]));
}

/** Those that still wait for people, for their execution, or for message and audit to say how it ended. */
export async function liveRequests(store: Store, migration: string): Promise<readonly Request[]> {
  const all = await listRequests(store, migration);
  return all.filter(
    ({ state, settled, unaudited = [] }) => !isFinal(state) || !settled || unaudited.length > 0,
  );
}

/** The request whose message this is; `undefined` for any other message. */
export async function requestAt(store: Store, migration: string, ts: string): Promise<string | undefined> {
  const live = await liveRequests(store, migration);
  return live.find((request) => request.ts === ts)?.id;
}
