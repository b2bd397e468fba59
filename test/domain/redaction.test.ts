import { describe, expect, test } from "vitest";
import { withoutSecrets } from "#domain/redaction.ts";

describe("what is a secret", () => {
  test.each<[string, unknown]>([
    ["a password, however deep", { a: [{ sasl: { username: "u", password: "s3cret" } }] }],
    ["a token of a longer name", { botToken: "s3cret" }],
    ["the value of a setting of that name", { name: "ssl.keystore.password", value: "s3cret" }],
    ["a login inside of settings", { "sasl.jaas.config": 'x required password="s3cret";' }],
    ["a login in a URL", "redis://ferry:s3cret@host:6379 did not answer"],
    ["a Slack token in a sentence", "refused xoxb-s3cret-12345678"],
    ["an assignment in a sentence", 'started with password="s3cret two" and so on'],
    ["a header", "authorization: Bearer s3cret.abc.123="],
    ["a private key", "-----BEGIN PRIVATE KEY-----\ns3cret\n-----END PRIVATE KEY-----"],
    ["a private key that was cut off", "-----BEGIN PRIVATE KEY-----\ns3cret"],
  ])("%s", (_, value) => {
    const text = JSON.stringify(withoutSecrets(value));
    expect(text).toContain("[redacted]");
    expect(text).not.toContain("s3cret");
  });

  test.each<[string, unknown]>([
    ["the name of a variable that holds one", { passwordEnv: "SOURCE_PASSWORD", secretArns: ["arn:aws"] }],
    ["a lease's token", { token: 7 }],
    ["a password that is not set", { password: "" }],
    ["other settings", { name: "cleanup.policy", value: "compact" }],
    ["sentences about them", "Basic authentication failed: the password of User:ferry is wrong"],
    ["URLs without a login", "http://connect:8083/connectors/a@b"],
    ["an error", new Error("as it is")],
  ])("not: %s", (_, value) => {
    expect(withoutSecrets(value)).toEqual(value);
  });

  test("an object that holds itself ends", () => {
    const value: Record<string, unknown> = { password: "s3cret" };
    value["self"] = value;
    expect(withoutSecrets(value)).toMatchObject({ password: "[redacted]" });
  });
});
