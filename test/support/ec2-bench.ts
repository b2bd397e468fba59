import {
  AcceptVpcPeeringConnectionCommand,
  CreateVpcPeeringConnectionCommand,
  EC2Client,
} from "@aws-sdk/client-ec2";
import { type AwsStandIn, startAws } from "#lab/aws/stand-in.ts";
import { ACCOUNT, PARTNER_KEY_PREFIX, REGION, VPC_SOURCE, VPC_TARGET } from "#lab/aws/world.ts";

export const SECOND = 1000;

export type Ec2Bench = {
  /** Milliseconds; move it on to let the stand-in finish what it began. */
  clock: number;
  readonly aws: AwsStandIn;
  readonly ec2: EC2Client;
  /** In an account of its own. */
  readonly partner: EC2Client;
  client(accessKeyId: string, region?: string): EC2Client;
  /** A connection that waits for its accepter. Returns its id. */
  propose(PeerVpcId?: string, VpcId?: string, PeerOwnerId?: string): Promise<string>;
  /** An active connection of the source's and the target's VPC. Returns its id. */
  peer(): Promise<string>;
  close(): Promise<void>;
};

/** The stand-in by a clock of the test's own, and the unmodified clients of two accounts. */
export async function openEc2(): Promise<Ec2Bench> {
  const time = { ms: Date.UTC(2026, 10, 23) };
  const aws = await startAws({ bootstrap: "127.0.0.1:19092", timeScale: 1, now: () => time.ms });
  const client = (accessKeyId: string, region = REGION) => {
    const credentials = { accessKeyId, secretAccessKey: "lab" };
    return new EC2Client({ endpoint: aws.url, region, credentials, maxAttempts: 1 });
  };
  const ec2 = client("AKIALAB");
  const partner = client(`${PARTNER_KEY_PREFIX}1`);

  async function propose(PeerVpcId = VPC_TARGET, VpcId = VPC_SOURCE, PeerOwnerId = ACCOUNT): Promise<string> {
    const made = await ec2.send(new CreateVpcPeeringConnectionCommand({ VpcId, PeerVpcId, PeerOwnerId }));
    const { Status, VpcPeeringConnectionId } = made.VpcPeeringConnection ?? {};
    if (VpcPeeringConnectionId === undefined || Status?.Code !== "initiating-request") {
      throw new Error(`the connection is ${Status?.Code ?? "not there"} after it was asked for`);
    }
    time.ms += 2 * SECOND;
    return VpcPeeringConnectionId;
  }

  return {
    get clock() {
      return time.ms;
    },
    set clock(ms) {
      time.ms = ms;
    },
    aws,
    ec2,
    partner,
    client,
    propose,
    peer: async () => {
      const VpcPeeringConnectionId = await propose();
      await ec2.send(new AcceptVpcPeeringConnectionCommand({ VpcPeeringConnectionId }));
      time.ms += 10 * SECOND;
      return VpcPeeringConnectionId;
    },
    close: async () => {
      ec2.destroy();
      partner.destroy();
      await aws.stop();
    },
  };
}
