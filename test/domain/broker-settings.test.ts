import { expect, it } from "vitest";
import { brokerSettings, clusterMode } from "#domain/assess/broker-settings.ts";
import type { BrokerConfig } from "#domain/inventory.ts";
import { known, unknown } from "#domain/topology.ts";

function set(name: string, value: string | null, standard: string | null = null): BrokerConfig {
  return { name, value, origin: "broker-static", default: standard };
}
function standard(name: string, value: string): BrokerConfig {
  return { name, value, origin: "default", default: value };
}

it("keeps what somebody wrote down, with Apache's default beside it", () => {
  const configs = new Map([
    [1, [set("num.io.threads", "16", "8"), standard("num.network.threads", "3"), set("a.key", null)]],
  ]);
  expect(brokerSettings(configs)).toEqual([
    { name: "a.key", origin: "broker-static", value: null, default: known(null), others: [] },
    { name: "num.io.threads", origin: "broker-static", value: "16", default: known("8"), others: [] },
  ]);
});

it("names brokers that differ, but not in what each has for itself", () => {
  const configs = new Map([
    [2, [set("num.io.threads", "16", "8"), set("node.id", "2")]],
    [1, [standard("num.io.threads", "8"), set("node.id", "1")]],
  ]);
  expect(brokerSettings(configs)).toMatchObject([
    { name: "node.id", value: "1", others: [] },
    { name: "num.io.threads", origin: "default", value: "8", others: [{ broker: 2, value: "16" }] },
  ]);
  expect(brokerSettings(new Map())).toEqual([]);
});

it.each([
  [known([{ name: "metadata.version", level: 21 }]), unknown("no right"), known("kraft")],
  [unknown("old"), [set("process.roles", "broker")], known("kraft")],
  [known([]), [set("zookeeper.connect", "zk:2181"), set("process.roles", "")], known("zookeeper")],
  [unknown("old"), unknown("no right"), unknown("no right")],
])("tells ZooKeeper from KRaft", (features, configs, mode) => {
  const told = Array.isArray(configs) ? known(new Map([[1, configs]])) : configs;
  expect(clusterMode(told, features)).toEqual(mode);
});

it("does not know the mode of brokers that tell neither", () => {
  const told = known(new Map([[1, [set("zookeeper.connect", null)]]]));
  expect(clusterMode(told, known([]))).toMatchObject({
    known: false,
    why: expect.stringContaining("server.properties"),
  });
});
