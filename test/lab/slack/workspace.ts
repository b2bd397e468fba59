import { createServer } from "node:http";
import { createActs } from "./control.ts";
import {
  type ChannelSetup,
  defaultChannels,
  defaultEvents,
  defaultPeople,
  defaultScopes,
  type PersonSetup,
  refill,
  team,
} from "./default-world.ts";
import { createDelivery } from "./delivery.ts";
import { createSockets } from "./delivery-socket.ts";
import { createFaults } from "./faults.ts";
import { createFeed } from "./feed.ts";
import { createJournal } from "./journal.ts";
import { createListener } from "./server.ts";
import { createWebApi } from "./web-api.ts";
import type { AppSetup, World } from "./world.ts";

export type WorkspaceSetup = {
  /** On 127.0.0.1; a free one when absent. */
  port?: number;
  people?: readonly PersonSetup[];
  channels?: readonly ChannelSetup[];
  app: {
    botToken: string;
    appToken: string;
    signingSecret: string;
    /** Set: HTTP mode. It can also be set later, with `setRequestUrl`. */
    requestUrl?: string;
    scopes?: readonly string[];
    events?: readonly string[];
    /** Slash commands of the app; `/ferry` when absent. */
    commands?: readonly string[];
  };
  /** Milliseconds since 1970. */
  now?: () => number;
  log?: (line: string) => void;
  /** Time for the app to acknowledge; 3,000 as Slack's. */
  ackMs?: number;
  /** Waits before the retries of an event; Slack's are at once, 1 min, 5 min. */
  retryDelaysMs?: readonly number[];
};

export type Workspace = {
  /** Without a slash at the end. */
  url: string;
  /** For `clientOptions.slackApiUrl`; ends in `/api/`. */
  apiUrl: string;
  /** Add `?as=U0ANA` to act as somebody. */
  pageUrl: string;
  tokens: { botToken: string; appToken: string; signingSecret: string };
  /** From now on events go there over signed HTTP; null: Socket Mode. */
  setRequestUrl: (url: string | null) => void;
  stop: () => Promise<void>;
};

/** Starts a workspace on loopback. Everything is in memory; several can run side by side. */
export async function startWorkspace(setup: WorkspaceSetup): Promise<Workspace> {
  const now = setup.now ?? Date.now;
  const journal = createJournal(now, setup.log ?? (() => undefined));
  const feed = createFeed();
  const faults = createFaults();
  const ackMs = setup.ackMs ?? 3_000;
  const world = emptyWorld(appFrom(setup.app), now);
  const sockets = createSockets(journal, world.app.id, ackMs);
  const retryDelaysMs = setup.retryDelaysMs ?? [0, 60_000, 300_000];
  const delivery = createDelivery({ world, sockets, faults, journal, ackMs, retryDelaysMs });
  world.publish = (event, subscription) => delivery.publish(event, subscription);
  world.changed = (what) => feed.tell(what);

  function reset(): void {
    refill(world, setup.people ?? defaultPeople, setup.channels ?? defaultChannels);
    faults.clear();
    journal.clear();
    feed.tell({});
  }
  reset();

  const acts = createActs({ world, delivery, sockets, faults, journal, reset });
  const api = createWebApi(world, sockets, faults, journal);
  const server = createServer(createListener({ world, api, acts, sockets, journal, feed }));
  server.on("upgrade", (request, stream, head) => sockets.upgrade(request, stream, head));
  world.url = await listen(server, setup.port ?? 0);

  return {
    url: world.url,
    apiUrl: `${world.url}/api/`,
    pageUrl: `${world.url}/`,
    tokens: {
      botToken: setup.app.botToken,
      appToken: setup.app.appToken,
      signingSecret: setup.app.signingSecret,
    },
    setRequestUrl: (url) => void (world.app.requestUrl = url),
    async stop() {
      for (const timer of world.timers) clearTimeout(timer);
      delivery.stop();
      sockets.stop();
      feed.stop();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function appFrom(app: WorkspaceSetup["app"]): AppSetup {
  return {
    id: "A0FERRY",
    name: "MSK Ferry",
    botId: "B0FERRY",
    botUser: "U0FERRY",
    botToken: app.botToken,
    appToken: app.appToken,
    signingSecret: app.signingSecret,
    requestUrl: app.requestUrl ?? null,
    scopes: new Set(app.scopes ?? defaultScopes),
    events: new Set(app.events ?? defaultEvents),
    commands: new Set(app.commands ?? ["/ferry"]),
  };
}

function emptyWorld(app: AppSetup, now: () => number): World {
  return {
    team,
    app,
    people: new Map(),
    channels: new Map(),
    groups: new Map(),
    messages: new Map(),
    files: new Map(),
    homes: new Map(),
    modals: new Map(),
    triggers: new Map(),
    hooks: new Map(),
    stamps: new Map(),
    timers: new Set(),
    url: "",
    now,
    publish: () => undefined,
    changed: () => undefined,
  };
}

function listen(server: ReturnType<typeof createServer>, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      if (typeof address !== "object" || address === null) return reject(new Error("the server has no port"));
      resolve(`http://127.0.0.1:${address.port}`);
    });
  });
}
