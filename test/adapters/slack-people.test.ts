import { expect, test } from "vitest";
import { createEventReader } from "#adapters/slack/events.ts";
import { personFrom } from "#adapters/slack/people.ts";

const member = {
  id: "U0ANA",
  name: "ana",
  team_id: "T0",
  deleted: false,
  is_bot: false,
  is_app_user: false,
  is_restricted: false,
  is_ultra_restricted: false,
};

test.each([
  [{}, "member"],
  [{ deleted: true }, "deactivated"],
  [{ deleted: true, is_bot: true }, "deactivated"],
  [{ is_bot: true }, "bot"],
  [{ is_app_user: true }, "bot"],
  [{ id: "USLACKBOT" }, "bot"],
  [{ is_restricted: true }, "guest"],
  [{ is_restricted: true, is_ultra_restricted: true }, "guest"],
  [{ is_stranger: true }, "stranger"],
  [{ team_id: "T1" }, "stranger"],
  [{ team_id: undefined }, "stranger"],
  [{ team_id: "T1", enterprise_user: { teams: ["T0", "T1"] } }, "member"],
])("%o is a %s", (change, kind) => {
  expect(personFrom({ ...member, ...change }, "T0").kind).toBe(kind);
});

test.each(["deleted", "is_bot", "is_restricted", "is_ultra_restricted"])(
  "without %s nobody is a member",
  (flag) => {
    expect(() => personFrom({ ...member, [flag]: undefined }, "T0")).toThrow(flag);
  },
);

test("a message with a thread is deleted by becoming a tombstone", () => {
  const read = createEventReader({ isOurs: () => true });
  const message = { subtype: "tombstone", ts: "1.2", text: "This message was deleted." };
  const event = { type: "message", subtype: "message_changed", channel: "C0", message };
  expect(read({ event_id: "Ev1", event })).toEqual({ kind: "deleted", ref: { channel: "C0", ts: "1.2" } });
});

test("an event is read once, and what is no event never", () => {
  const read = createEventReader({ isOurs: () => true });
  const event = { type: "message", subtype: "message_deleted", channel: "C0", deleted_ts: "1.2" };
  expect(read({ event_id: "Ev1", event })).toBeDefined();
  expect(read({ event_id: "Ev1", event })).toBeUndefined();
  expect(read({ event })).toBeUndefined();
  expect(read("noise")).toBeUndefined();
});
