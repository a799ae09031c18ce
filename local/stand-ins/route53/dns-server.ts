/** A name server on loopback, UDP and TCP on one port: so that a client's requests really move. It answers authoritatively and resolves nothing else. */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { DnsFault, LONGEST_UDP, readQuestion, writeAnswer } from './dns-message.ts';
import type { Answer } from './resolve.ts';

const LONGEST_TCP = 65_535;
const TRIES = 20;

export interface DnsServer {
  readonly port: number;
  close(): Promise<void>;
}

export type Answering = (name: string, type: string) => Answer;

/** @throws Error when no port is free for both. */
export async function startDnsServer(answering: Answering, host = '127.0.0.1'): Promise<DnsServer> {
  for (let tries = 1; ; tries++) {
    const udp = createSocket('udp4');
    udp.bind(0, host);
    await once(udp, 'listening');
    const { port } = udp.address();
    const tcp = await listen(port, host);
    if (tcp) return serve(udp, tcp, port, answering);
    udp.close();
    if (tries === TRIES) throw new Error('the DNS server found no port that is free for UDP and TCP');
  }
}

async function listen(port: number, host: string): Promise<Server | undefined> {
  const server = createServer();
  const isUp = new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, host, () => resolve(true));
  });
  return (await isUp) ? server : undefined;
}

function serve(udp: UdpSocket, tcp: Server, port: number, answering: Answering): DnsServer {
  const open = new Set<Socket>();
  udp.on('message', (message, from) => {
    const reply = replyTo(message, answering, LONGEST_UDP);
    if (reply) udp.send(reply, from.port, from.address);
  });
  // A client that is gone isn't the server's trouble.
  udp.on('error', () => {});
  tcp.on('connection', (socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => socket.destroy());
    speak(socket, answering);
  });
  return {
    port,
    close: async () => {
      for (const socket of open) socket.destroy();
      await Promise.all([
        new Promise<void>((done) => udp.close(() => done())),
        new Promise<void>((done) => tcp.close(() => done())),
      ]);
    },
  };
}

/** RFC 1035, section 4.2.2: each message has its length before it. */
function speak(socket: Socket, answering: Answering): void {
  let received = Buffer.alloc(0);
  socket.on('data', (data) => {
    received = Buffer.concat([received, data]);
    for (;;) {
      const length = received.length >= 2 ? received.readUInt16BE(0) : LONGEST_TCP;
      if (received.length < 2 + length) return;
      const reply = replyTo(received.subarray(2, 2 + length), answering, LONGEST_TCP);
      received = received.subarray(2 + length);
      if (!reply) return void socket.destroy();
      const size = Buffer.alloc(2);
      size.writeUInt16BE(reply.length);
      socket.write(Buffer.concat([size, reply]));
    }
  });
}

function replyTo(message: Buffer, answering: Answering, longest: number): Buffer | undefined {
  try {
    const question = readQuestion(message);
    return writeAnswer(question, answering(question.name, question.type), longest);
  } catch (error) {
    if (error instanceof DnsFault) return error.reply;
    throw error;
  }
}
