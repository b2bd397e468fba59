import { lookup } from "node:dns/promises";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { type Certificate, connect as connectTls, type TLSSocket } from "node:tls";
import type { LayerAnswer, Prober } from "#domain/network.ts";

/** The layers of a path below Kafka, with sockets of this process. Nothing is sent beyond the TLS handshake. */
export function createProber({ patienceMs = 5000 }: { readonly patienceMs?: number } = {}): Prober {
  return {
    resolve: async (host) => {
      const expired = Promise.withResolvers<LayerAnswer>();
      const timer = setTimeout(() => expired.resolve(failed(`no answer in ${patienceMs} ms`)), patienceMs);
      try {
        return await Promise.race([addresses(host), expired.promise]);
      } finally {
        clearTimeout(timer);
      }
    },
    connect: (host, port) => {
      const socket = connectTcp({ host, port });
      return settled(socket, "connect", patienceMs, () => ({
        ok: true,
        detail: `to ${socket.remoteAddress ?? host}`,
      }));
    },
    handshake: (host, port, ca) => {
      const socket = connectTls({
        host,
        port,
        ...(isIP(host) === 0 ? { servername: host } : {}),
        ...(ca === undefined ? {} : { ca }),
        // A certificate that is refused is still to be told; nothing is ever sent through this socket.
        rejectUnauthorized: false,
      });
      return settled(socket, "secureConnect", patienceMs, () => judged(socket));
    },
  };
}

async function addresses(host: string): Promise<LayerAnswer> {
  try {
    const found = await lookup(host, { all: true });
    return { ok: true, detail: found.map(({ address }) => address).join(", ") };
  } catch (error) {
    return failed(reason(error));
  }
}

function settled(
  socket: Socket,
  event: string,
  patienceMs: number,
  answer: () => LayerAnswer,
): Promise<LayerAnswer> {
  const { promise, resolve } = Promise.withResolvers<LayerAnswer>();
  socket.setTimeout(patienceMs, () => resolve(failed(`no answer in ${patienceMs} ms`)));
  socket.once("error", (error) => resolve(failed(reason(error))));
  socket.once("close", () => resolve(failed("closed by the other side")));
  socket.once(event, () => resolve(answer()));
  return promise.finally(() => {
    socket.on("error", () => {}); // what comes after the answer is of no interest
    socket.destroy();
  });
}

/** As Node judges a chain: signed by one of the authorities, within its time, and for this name. */
function judged(socket: TLSSocket): LayerAnswer {
  const { subject, issuer, valid_from: from, valid_to: until } = socket.getPeerCertificate();
  const shown = `${nameOf(subject)}, issued by ${nameOf(issuer)}, valid ${day(from)} to ${day(until)}`;
  if (!socket.authorized) return failed(`${reason(socket.authorizationError)}; the certificate: ${shown}`);
  return {
    ok: true,
    detail: `${socket.getProtocol() ?? "TLS"}, ${shown}`,
    ...(Number.isNaN(Date.parse(until)) ? {} : { until: Date.parse(until) }),
  };
}

function nameOf(holder: Certificate | undefined): string {
  const name = holder?.CN;
  return (Array.isArray(name) ? name.join(", ") : name) ?? "nobody named";
}

function day(text: string): string {
  const at = Date.parse(text);
  return Number.isNaN(at) ? text : new Date(at).toISOString().slice(0, 10);
}

function failed(why: string): LayerAnswer {
  return { ok: false, why };
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "code" in error && typeof error.code === "string" && !error.message.includes(error.code)
    ? `${error.code}: ${error.message}`
    : error.message || error.name;
}
