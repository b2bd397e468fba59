import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { z } from "zod";
import { commandScope, eventScopes, methodScopes } from "#adapters/slack/scopes.ts";

const Manifest = z.object({
  features: z.object({ slash_commands: z.array(z.object({ command: z.string() })) }),
  oauth_config: z.object({ scopes: z.object({ bot: z.array(z.string()) }) }),
  settings: z.object({ event_subscriptions: z.object({ bot_events: z.array(z.string()) }) }),
});
const text = readFileSync(new URL("../../manifest.json", import.meta.url), "utf8");
const { features, oauth_config: oauth, settings } = Manifest.parse(JSON.parse(text));

test("the manifest asks for exactly the scopes that the adapter's calls and events need", () => {
  const needed = [commandScope, ...Object.values(methodScopes).flat(), ...Object.values(eventScopes).flat()];
  expect(oauth.scopes.bot).toEqual([...new Set<string>(needed)].sort());
});

test("the manifest subscribes to exactly the events that the adapter reads", () => {
  expect(settings.event_subscriptions.bot_events).toEqual(Object.keys(eventScopes).sort());
});

test("the manifest names the one command", () => {
  expect(features.slash_commands.map(({ command }) => command)).toEqual(["/ferry"]);
});
