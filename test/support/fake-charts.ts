import type { Charts } from "#domain/ports.ts";

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** Charts that nobody can see: a PNG's signature, then what would be drawn, as JSON. */
export function createFakeCharts(): Charts {
  return {
    lag: async (title, points) => drawn({ title, points }),
    traffic: async (title, topics) => drawn({ title, topics }),
  };
}

function drawn(what: object): Buffer {
  return Buffer.concat([signature, Buffer.from(JSON.stringify(what))]);
}
