import { type RequestOptions, request } from "node:https";

/**
 * `fetch` for a server whose certificate an authority of the team's own has signed: Node's takes none without a package.
 * Follows no redirects; Connect's REST API sends none.
 *
 * @param ca PEM, asked for at each call, so that a certificate that was renewed counts.
 */
export function createTrustingFetch(ca: () => Promise<string>): typeof fetch {
  return async (input, init) => {
    const asked = new Request(input, init);
    const body = await asked.text();
    return await send(
      new URL(asked.url),
      {
        method: asked.method,
        headers: Object.fromEntries(asked.headers),
        signal: asked.signal,
        ca: await ca(),
      },
      body,
    );
  };
}

function send(url: URL, options: RequestOptions, body: string): Promise<Response> {
  return new Promise((resolve, reject) => {
    const sending = request(url, options, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => void chunks.push(chunk));
      answer.on("error", reject);
      answer.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        // A Response of 204 takes no body, not even an empty one.
        resolve(new Response(text === "" ? null : text, { status: answer.statusCode ?? 500 }));
      });
    });
    sending.on("error", reject);
    sending.end(body);
  });
}
