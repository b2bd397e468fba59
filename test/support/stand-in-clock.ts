import {
  CreateClusterCommand,
  type CreateClusterCommandInput,
  DescribeClusterCommand,
  KafkaClient,
} from "@aws-sdk/client-kafka";
import { exampleCluster } from "#lab/aws/example-requests.ts";
import { type AwsStandIn, startAws } from "#lab/aws/stand-in.ts";

/** Host and port that the stand-in gives out as the cluster's broker. */
export const bootstrap = "127.0.0.1:19092";

const minuteMs = 60_000;

/** The stand-in at scale 1 with a clock of the test's own, and an unmodified client. Stop it after each test. */
export type StandInOnClock = {
  readonly aws: AwsStandIn;
  readonly kafka: KafkaClient;
  /** SDK options for a further client; the key decides the account. */
  clientOptions(key?: string): {
    readonly endpoint: string;
    readonly region: string;
    readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
    readonly maxAttempts: number;
  };
  now(): number;
  /** Lets real minutes go by. */
  pass(minutes: number): void;
  /** ARN of a cluster that has become ACTIVE. */
  createActive(change?: Partial<CreateClusterCommandInput>): Promise<string>;
  clusterOf(arn: string): Promise<ReturnType<typeof withVersion>>;
  stop(): Promise<void>;
};

type Described = NonNullable<Awaited<ReturnType<typeof describe>>["ClusterInfo"]>;

function describe(kafka: KafkaClient, ClusterArn: string) {
  return kafka.send(new DescribeClusterCommand({ ClusterArn }));
}

function withVersion(info: Described | undefined) {
  if (info?.CurrentVersion === undefined) throw new Error("no cluster info");
  return { ...info, CurrentVersion: info.CurrentVersion };
}

export async function startStandInOnClock(): Promise<StandInOnClock> {
  let clock = Date.UTC(2026, 10, 23);
  const aws = await startAws({ bootstrap, timeScale: 1, now: () => clock });
  const clientOptions = (key = "AKIALAB") => ({
    endpoint: aws.url,
    region: "us-east-1",
    credentials: { accessKeyId: key, secretAccessKey: "lab" },
    maxAttempts: 1,
  });
  const kafka = new KafkaClient(clientOptions());
  const pass = (minutes: number) => {
    clock += minutes * minuteMs;
  };
  return {
    aws,
    kafka,
    clientOptions,
    now: () => clock,
    pass,
    async createActive(change = {}) {
      const { ClusterArn } = await kafka.send(new CreateClusterCommand(exampleCluster(change)));
      pass(31);
      return ClusterArn ?? "";
    },
    clusterOf: async (arn) => withVersion((await describe(kafka, arn)).ClusterInfo),
    async stop() {
      kafka.destroy();
      await aws.stop();
    },
  };
}
