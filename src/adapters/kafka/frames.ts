import { connect as connectPlain, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

/**
 * Answers, as the network brings them: a length, then so many bytes. KafkaJS keeps each piece of an answer in a buffer of
 * its own and copies them together at the end; with answers of megabytes, many times a minute, most of the process's memory
 * was buffers that waited for the garbage collector. Here all sockets read into one buffer, pieces are copied to their place
 * in the answer's, and that one serves again for a later answer once this one has been read.
 */
export type Frames = Pick<Spares, "take"> & {
  /** A socket whose every `data` event is one whole answer, its length in front. */
  readonly open: (to: SocketSettings) => Socket;
  /** What was in it has been sent or read, and nothing refers to it. */
  readonly giveBack: (part: Buffer) => void;
};

type SocketSettings = {
  readonly host: string;
  readonly port: number;
  readonly ssl: { readonly ca?: string[] } | null;
  readonly onConnect: () => void;
};

const keepAliveMs = 60_000;
const pieceBytes = 65_536;
/** Smaller answers are not worth keeping a buffer for. */
const leastKept = 32_768;
const mostKept = 16 * 1_048_576;
/** More is no answer of a broker: Fetch may bring 50 MB, and text read as a length is above a gigabyte. */
const longest = 256 * 1_048_576;

const piece = Buffer.allocUnsafeSlow(pieceBytes);

type Spares = {
  /** At least so many bytes. */
  readonly take: (length: number) => Buffer;
  /** Memory of something that was taken; any other is left alone. */
  readonly keep: (memory: ArrayBufferLike) => void;
};

/** Buffers that are free, the smallest first. */
function createSpares(): Spares {
  const spares: Buffer[] = [];
  /** Memory that is out, taken here as a whole: Node cuts small buffers out of memory that others have parts of. */
  const out = new WeakSet<ArrayBufferLike>();
  let kept = 0;

  return {
    take(length) {
      if (length < leastKept) return Buffer.allocUnsafe(length);
      const at = spares.findIndex((spare) => spare.length >= length);
      const [spare] = at < 0 ? [] : spares.splice(at, 1);
      if (spare) kept -= spare.length;
      const taken = spare ?? Buffer.allocUnsafeSlow(length);
      out.add(taken.buffer);
      return taken;
    },
    keep(memory) {
      if (!out.delete(memory) || kept + memory.byteLength > mostKept) return;
      const spare = Buffer.from(memory);
      const at = spares.findIndex(({ length }) => length >= spare.length);
      spares.splice(at < 0 ? spares.length : at, 0, spare);
      kept += spare.length;
    },
  };
}

export function createFrames(): Frames {
  const spares = createSpares();

  function open({ host, port, ssl, onConnect }: SocketSettings): Socket {
    const put = createCollector(
      spares.take,
      (frame) => void socket.emit("data", frame),
      (error) => void socket.destroy(error),
    );
    const onread = {
      buffer: piece,
      callback(length: number) {
        put(length);
        return true;
      },
    };
    const to = { host, port, onread };
    const secured = { ...to, ...ssl, ...serverName(host) };
    const socket = ssl ? connectTls(secured, onConnect) : connectPlain(to, onConnect);
    socket.setKeepAlive(true, keepAliveMs);
    return socket;
  }

  return {
    open,
    take: spares.take,
    giveBack: ({ buffer }) => spares.keep(buffer),
  };
}

/** For the certificate; an address is no name (RFC 6066). */
function serverName(host: string): { readonly servername?: string } {
  return isIP(host) === 0 ? { servername: host } : {};
}

/** Puts the first bytes of `piece` where they belong, and passes each answer on when its last byte is there. */
function createCollector(
  take: Spares["take"],
  pass: (frame: Buffer) => void,
  refuse: (error: Error) => void,
): (length: number) => void {
  const head = Buffer.alloc(4);
  let heads = 0;
  let frame: Buffer | undefined;
  let filled = 0;

  /** Reads on at the length; the position after it, or the end. */
  function readHead(from: number, until: number): number {
    const end = Math.min(until, from + 4 - heads);
    heads += piece.copy(head, heads, from, end);
    if (heads < 4) return end;
    heads = 0;
    const length = head.readUInt32BE(0);
    if (length > longest) {
      refuse(new Error(`an answer of ${length} bytes: this is not the Kafka protocol`));
      return until;
    }
    frame = take(length + 4).subarray(0, length + 4);
    filled = head.copy(frame);
    return end;
  }

  return (length) => {
    let at = 0;
    while (at < length) {
      if (!frame) at = readHead(at, length);
      if (!frame) continue;
      const copied = piece.copy(frame, filled, at, length);
      filled += copied;
      at += copied;
      if (filled < frame.length) continue;
      const whole = frame;
      frame = undefined;
      pass(whole);
    }
  };
}
