import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LayerAnswer, Prober } from "#domain/network.ts";

type Place = { readonly host: string; readonly port: number };

export type ProberUnderTest = {
  readonly prober: Prober;
  /** Takes connections and does not speak TLS. */
  readonly plain: Place;
  /** Speaks TLS with a certificate of `authority`, PEM text, for this host. */
  readonly tls: Place & { readonly authority: string };
  /** Speaks TLS with a certificate that this authority did not sign. */
  readonly stranger: Place;
  /** Nobody listens. */
  readonly closed: Place;
  /** A name without an address. */
  readonly nowhere: string;
  close(): Promise<void>;
};

const fine = { ok: true, detail: expect.stringMatching(/\S/) };
const failed = { ok: false, why: expect.stringMatching(/\S/) };

/** What every prober must do; run on the fake and on sockets. */
export function proberContract(name: string, open: () => Promise<ProberUnderTest>): void {
  describe(`${name}: the prober's contract`, () => {
    let under: ProberUnderTest;
    let prober: Prober;
    beforeAll(async () => {
      under = await open();
      prober = under.prober;
    });
    afterAll(() => under.close());

    it("resolves a name, or says why not", async () => {
      expect(await prober.resolve(under.plain.host)).toEqual(fine);
      expect(await prober.resolve(under.nowhere)).toEqual(failed);
    });

    it("connects, with and without TLS behind it, or says why not", async () => {
      expect(await prober.connect(under.plain.host, under.plain.port)).toEqual(fine);
      expect(await prober.connect(under.tls.host, under.tls.port)).toEqual(fine);
      expect(await prober.connect(under.closed.host, under.closed.port)).toEqual(failed);
      expect(await prober.connect(under.nowhere, under.plain.port)).toEqual(failed);
    });

    it("shakes hands with whom the authority vouches for, and with nobody else", async () => {
      const { tls, stranger } = under;
      expect(await prober.handshake(tls.host, tls.port, tls.authority)).toMatchObject(fine);
      expect(await prober.handshake(stranger.host, stranger.port, tls.authority)).toEqual(failed);
    });

    it("says why there is no handshake where there is no TLS, or nobody", async () => {
      const ca = under.tls.authority;
      const { plain, closed } = under;
      expect(await prober.handshake(plain.host, plain.port, ca)).toEqual(failed);
      expect(await prober.handshake(closed.host, closed.port, ca)).toEqual(failed);
    });

    it("can be asked many things at once", async () => {
      const asked: Array<Promise<LayerAnswer>> = [];
      for (let each = 0; each < 20; each += 1) {
        asked.push(prober.connect(under.plain.host, under.plain.port));
        asked.push(prober.connect(under.closed.host, under.closed.port));
      }
      const answers = await Promise.all(asked);
      expect(answers.filter(({ ok }) => ok)).toHaveLength(20);
    });
  });
}
