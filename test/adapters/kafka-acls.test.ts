import { expect, it } from "vitest";
import { createAcls } from "#adapters/kafka/acls.ts";
import type { Node, Request } from "#adapters/kafka/connection.ts";
import type { Metadata } from "#adapters/kafka/metadata.ts";
import { createReader, createWriter } from "#adapters/kafka/wire.ts";
import { aclOn, everybody } from "../contract/kafka-fence.ts";

const deny = aclOn("orders", "DENY", "WRITE", everybody);

function described(isDenied: boolean, error = 0): Buffer {
  const writer = createWriter();
  writer.i32(0); // throttle
  writer.i16(error);
  writer.text(null);
  writer.array(isDenied ? [deny] : [], ({ resourceName, principal, host }) => {
    writer.i8(2);
    writer.text(resourceName);
    writer.i8(3);
    writer.array([principal], (name) => {
      writer.text(name);
      writer.text(host);
      writer.i8(4);
      writer.i8(2);
    });
  });
  return writer.done();
}

/** CLUSTER_AUTHORIZATION_FAILED */
const refused = 31;

/**
 * Two brokers; the second one takes up a change only after it was asked `behind` times. `locked`: without an ACL they
 * let the asker see none.
 */
function openBrokers(behind: number, locked = false) {
  let denied = false;
  let asked = 0;
  const requests: string[] = [];

  function change(name: string): Buffer {
    denied = name === "CreateAcls";
    asked = 0;
    const writer = createWriter();
    writer.i32(0);
    // More results than were asked for are not looked at.
    writer.array([0, 0], (error) => {
      writer.i16(error);
      writer.text(null);
      if (name === "DeleteAcls") writer.array([], () => {});
    });
    return writer.done();
  }

  function late(): boolean {
    return asked++ < behind ? !denied : denied;
  }

  function node(id: number): Node {
    return {
      address: `broker-${id}`,
      versions: new Map(),
      async send<T>(request: Request<T>): Promise<T> {
        requests.push(`${request.name} ${id}`);
        if (request.name !== "DescribeAcls")
          return request.decode(createReader(change(request.name)), request.max);
        const isThere = id === 2 ? late() : denied;
        const answer = described(isThere, locked && !denied && !isThere ? refused : 0);
        return request.decode(createReader(answer), request.max);
      },
    };
  }

  const brokers = new Map([1, 2].map((id) => [id, { id, host: `broker-${id}`, port: 9092, rack: null }]));
  const metadata: Metadata = {
    view: async () => ({ clusterId: "c", controller: 1, brokers }),
    all: async () => [],
    topics: async () => new Map(),
    existing: async () => new Map(),
    forget: () => {},
    broker: async (id) => node(id),
    any: async () => node(1),
    ask: (request) => node(1).send(request),
  };
  let now = 0;
  const clock = {
    now: () => now,
    sleep: async (ms: number) => {
      now += ms;
    },
  };
  return { acls: createAcls("source", metadata, clock), requests };
}

it("returns when the last broker enforces the change, on the way in and out", async () => {
  const { acls, requests } = openBrokers(3);
  await acls.addAcls([deny]);
  expect(requests.filter((request) => request === "DescribeAcls 2")).toHaveLength(4);
  expect(requests.filter((request) => request === "DescribeAcls 1")).toHaveLength(1);
  requests.length = 0;
  await acls.removeAcls([deny]);
  expect(requests.filter((request) => request === "DescribeAcls 2")).toHaveLength(4);
});

it("names the broker and the ACL when one never does", async () => {
  const { acls } = openBrokers(Number.POSITIVE_INFINITY);
  await expect(acls.addAcls([deny])).rejects.toMatchObject({
    code: "E_INCOMPLETE",
    message: expect.stringMatching(/broker 2: DENY WRITE on TOPIC LITERAL orders to User:\* .*not in force/),
  });
});

it("takes a removal that ends the asker's own right to look for done: who could remove it could see it", async () => {
  const own = { ...aclOn("kafka-cluster", "ALLOW", "ALL", "User:ferry"), resourceType: "CLUSTER" };
  const { acls, requests } = openBrokers(3, true);
  await acls.addAcls([deny]);
  requests.length = 0;
  await acls.removeAcls([deny, own]);
  expect(requests.filter((request) => request === "DescribeAcls 2")).toHaveLength(4);
  await acls.addAcls([deny]);
  await expect(acls.removeAcls([deny])).rejects.toMatchObject({ code: "E_KAFKA_AUTH" });
});
