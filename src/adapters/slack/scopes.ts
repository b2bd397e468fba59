/**
 * The Web API methods this adapter calls, each with the scopes it needs, and the events it reads. `manifest.json` asks
 * for exactly these; a test keeps them equal. Source: docs.slack.dev/reference/methods and /events.
 */
export const methodScopes = {
  "auth.test": [],
  "chat.postMessage": ["chat:write"],
  "chat.postEphemeral": ["chat:write"],
  "chat.update": ["chat:write"],
  "chat.getPermalink": [],
  "conversations.info": ["channels:read", "groups:read"],
  "conversations.history": ["channels:history", "groups:history"],
  "conversations.replies": ["channels:history", "groups:history"],
  "files.getUploadURLExternal": ["files:write"],
  "files.completeUploadExternal": ["files:write"],
  "reactions.add": ["reactions:write"],
  "reactions.get": ["reactions:read"],
  "users.info": ["users:read"],
  "views.open": [],
  "views.publish": [],
  "usergroups.users.list": ["usergroups:read"],
} as const satisfies Record<string, readonly string[]>;

export const eventScopes = {
  app_home_opened: [],
  reaction_added: ["reactions:read"],
  reaction_removed: ["reactions:read"],
  "message.channels": ["channels:history"],
  "message.groups": ["groups:history"],
} as const satisfies Record<string, readonly string[]>;

/** Slash commands need one of their own. */
export const commandScope = "commands";

export type Method = keyof typeof methodScopes;
