/**
 * The endpoint of a DB instance. It speaks PostgreSQL's start of protocol, as RDS does before the server is reached:
 * TLS with a certificate of the world's authority; a login that is a member of `rds_iam` must use TLS and gives an IAM authentication token as its
 * password; every other login's start-up goes to the server as it is, which then does SCRAM itself. Afterwards bytes are relayed both ways.
 * AWS: "IAM database authentication for MariaDB, MySQL, and PostgreSQL", "Using SSL with a PostgreSQL DB instance" (rds.force_ssl).
 * Left out: TLS without SSLRequest (sslnegotiation=direct), GSSAPI encryption, client addresses (the server sees its own socket).
 */
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import type { ServerCertificate } from './certificates.ts';
import { refusalOf } from './iam-token.ts';
import { relayWatched, type StatementWatcher } from './statements.ts';
import {
  askForPassword,
  fatalError,
  LONGEST_STARTUP,
  PASSWORD_MESSAGE,
  ProtocolError,
  parseFirst,
  passwordOf,
} from './wire.ts';

export interface FrontDoorOptions {
  readonly region: string;
  readonly certificate: ServerCertificate;
  /** Logins that exist for the server itself and are never admitted from outside. */
  readonly internalLogins: readonly string[];
  /** The server's Unix socket, or `undefined` while the instance is down: the door then resets connections. */
  serverSocket(): string | undefined;
  /** Whether the login is a member of `rds_iam`, directly or not. */
  isIamLogin(user: string): Promise<boolean>;
  readonly iamEnabled: () => boolean;
  /** Parameter `rds.force_ssl`. */
  readonly forceSsl: () => boolean;
  /** Whether the role behind a good token's access key may log in as `user`; everybody may when it isn't given. */
  mayConnect?(login: { readonly accessKeyId: string; readonly user: string }): boolean;
  log(line: string): void;
  /** A server that listens already: of the instance that had this one's name before. */
  inherited?(): Server | undefined;
}

export interface FrontDoor {
  readonly host: 'localhost';
  readonly port: number;
  /** Ends every connection through the door; new ones are still accepted. */
  dropAll(): void;
  /** Has each statement of logins by token looked at, on connections that are opened from now on; `undefined` ends that. */
  watch(watcher: StatementWatcher | undefined): void;
  close(): Promise<void>;
  /** Ends what it does at its port, which from then on resets connections; for the next instance of the name. */
  leave(): Server;
}

/** The secret key of every access key in a local world. */
const WORLD_SECRET_KEY = 'test';
/** Time from connecting to being relayed; PostgreSQL's authentication_timeout has the same default. */
const LOGIN_LIMIT_MS = 60_000;
const LONGEST_PASSWORD = 65_535;
/** NAMEDATALEN - 1: the server cuts longer names, so the door would look at another login than the server. */
const LONGEST_NAME_BYTES = 63;

/** Opens the door on a free port of 127.0.0.1, or on that of the name's last door. */
export async function openFrontDoor(options: FrontDoorOptions): Promise<FrontDoor> {
  const { key, cert } = options.certificate;
  const context = createSecureContext({ key, cert, minVersion: 'TLSv1.2' });
  const open = new Set<Socket>();
  let watcher: StatementWatcher | undefined;
  const inherited = options.inherited?.();
  const server = inherited ?? createServer();
  server.removeAllListeners('connection').on('connection', (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    void new Visit(options, context, socket, portOf(server), watcher).run();
  });
  if (!inherited)
    await new Promise<void>((listening, failed) => {
      server.once('error', failed);
      server.listen(0, '127.0.0.1', listening);
    });
  const dropAll = () => {
    for (const socket of open) socket.destroy();
  };
  return {
    host: 'localhost',
    port: portOf(server),
    dropAll,
    watch(next) {
      watcher = next;
    },
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        dropAll();
      }),
    leave() {
      server.removeAllListeners('connection').on('connection', (socket) => socket.destroy());
      dropAll();
      return server;
    },
  };
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the front door is not listening on TCP');
  return address.port;
}

/** Access key of a token that was accepted (`X-Amz-Credential` is `<key>/<scope>`). */
const accessKeyOf = (token: string): string =>
  (new URL(`https://${token}`).searchParams.get('X-Amz-Credential') ?? '').split('/')[0] ?? '';

/** Refused on purpose: the client gets this as PostgreSQL's ErrorResponse. */
class Refusal extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** The instance isn't up: the connection is reset, as a connection to a stopped host's port would be. */
class ServerDown extends Error {}

/** One client's way through the door. */
class Visit {
  readonly #options: FrontDoorOptions;
  readonly #context: SecureContext;
  readonly #socket: Socket;
  readonly #port: number;
  readonly #watcher: StatementWatcher | undefined;
  /** The stream messages are exchanged on: the socket, later TLS on top of it. */
  #client: Duplex;
  #secure = false;

  constructor(
    options: FrontDoorOptions,
    context: SecureContext,
    socket: Socket,
    port: number,
    watcher: StatementWatcher | undefined,
  ) {
    this.#watcher = watcher;
    this.#options = options;
    this.#context = context;
    this.#socket = socket;
    this.#client = socket;
    this.#port = port;
    // A client that goes away is normal; what it was doing fails on its own stream.
    socket.on('error', () => {});
    socket.setNoDelay(true);
  }

  async run(): Promise<void> {
    const limit = setTimeout(() => this.#socket.destroy(), LOGIN_LIMIT_MS);
    try {
      await this.#welcome();
    } catch (error) {
      this.#turnAway(error);
    } finally {
      clearTimeout(limit);
    }
  }

  async #welcome(): Promise<void> {
    for (;;) {
      const packet = await this.#readFirst();
      const first = parseFirst(packet);
      if (first.kind === 'ssl') this.#startTls();
      else if (first.kind === 'gss') this.#client.write('N');
      else if (first.kind === 'cancel') return await this.#cancel(packet);
      else return await this.#login(packet, first.parameters);
    }
  }

  #turnAway(error: unknown): void {
    if (error instanceof Refusal) {
      this.#client.end(fatalError(error.code, error.message));
      return;
    }
    if (error instanceof ServerDown) {
      this.#socket.resetAndDestroy();
      return;
    }
    this.#options.log(`connection closed: ${error instanceof Error ? error.message : String(error)}`);
    this.#socket.destroy();
  }

  #startTls(): void {
    // Bytes sent before the handshake would be read as if they had come through TLS (CVE-2021-23222).
    if (this.#secure || this.#socket.readableLength > 0) throw new ProtocolError('unencrypted data after SSLRequest');
    this.#socket.write('S');
    const secure = new TLSSocket(this.#socket, { isServer: true, secureContext: this.#context });
    secure.on('error', () => this.#socket.destroy());
    this.#secure = true;
    this.#client = secure;
  }

  async #login(packet: Buffer, parameters: Readonly<Record<string, string>>): Promise<void> {
    const user = parameters.user ?? '';
    const where = `user "${user}", database "${parameters.database ?? user}"`;
    const encryption = this.#secure ? 'SSL encryption' : 'no encryption';
    if (this.#options.internalLogins.includes(user) || Buffer.byteLength(user) > LONGEST_NAME_BYTES)
      throw new Refusal('28000', `pg_hba.conf rejects connection for host "127.0.0.1", ${where}, ${encryption}`);
    const byToken = await this.#isIamLogin(user);
    if (!this.#secure && (byToken || this.#options.forceSsl()))
      throw new Refusal('28000', `no pg_hba.conf entry for host "127.0.0.1", ${where}, no encryption`);
    if (!byToken) return this.#relay(await this.#connect(), packet);
    const token = await this.#checkToken(user);
    if (this.#watcher) await this.#relayWatched(packet, user, accessKeyOf(token), this.#watcher);
    else this.#relay(await this.#connect(), packet);
  }

  async #relayWatched(packet: Buffer, user: string, accessKeyId: string, watcher: StatementWatcher): Promise<void> {
    const login = { user, accessKeyId };
    const interruption = await watcher(login);
    if (interruption?.kind === 'refuse') throw new Refusal(interruption.code, interruption.message);
    if (interruption?.kind === 'cut-before') throw new ServerDown('cut off on purpose');
    const server = await this.#connect();
    const cut = () => this.#socket.resetAndDestroy();
    relayWatched({ client: this.#client, server, cut, login, watcher }, interruption);
    this.#joinEnds(server, packet);
  }

  async #isIamLogin(user: string): Promise<boolean> {
    if (!this.#options.serverSocket()) throw new ServerDown();
    try {
      return await this.#options.isIamLogin(user);
    } catch (cause) {
      // The server went down in between.
      throw new ServerDown('the server could not be asked about the login', { cause });
    }
  }

  /** @returns the token. @throws Refusal */
  async #checkToken(user: string): Promise<string> {
    this.#client.write(askForPassword());
    const head = await this.#read(5);
    const length = head.readInt32BE(1) - 4;
    if (head[0] !== PASSWORD_MESSAGE || length < 0 || length > LONGEST_PASSWORD)
      throw new ProtocolError('expected a PasswordMessage');
    const token = passwordOf(await this.#read(length));
    const refusal = this.#options.iamEnabled()
      ? await refusalOf(token, {
          region: this.#options.region,
          hosts: ['localhost', '127.0.0.1'],
          port: this.#port,
          user,
          now: new Date(),
          secretAccessKey: WORLD_SECRET_KEY,
        })
      : 'IAM database authentication is not enabled for this instance';
    const isAllowed =
      refusal === undefined && (this.#options.mayConnect?.({ accessKeyId: accessKeyOf(token), user }) ?? true);
    if (isAllowed) return token;
    this.#options.log(
      `login of ${user} refused: ${refusal ?? 'the role that signed the token may not rds-db:connect'}`,
    );
    throw new Refusal('28000', `PAM authentication failed for user "${user}"`);
  }

  async #cancel(packet: Buffer): Promise<void> {
    const server = await this.#connect();
    server.end(packet);
    server.once('close', () => this.#client.end());
    server.resume();
  }

  #connect(): Promise<Socket> {
    const path = this.#options.serverSocket();
    if (!path) throw new ServerDown();
    return new Promise((connected, failed) => {
      const server = createConnection(path);
      server.once('connect', () => connected(server));
      // Kept for good: after connecting, an error is followed by `close`, which ends the client's side.
      server.on('error', (cause) => failed(new ServerDown('the server did not accept', { cause })));
    });
  }

  /** Bytes both ways; when one side closes, what it had sent before is delivered first, then the other is closed. */
  #relay(server: Socket, packet: Buffer): void {
    this.#client.pipe(server);
    server.pipe(this.#client);
    this.#joinEnds(server, packet);
  }

  #joinEnds(server: Socket, packet: Buffer): void {
    server.write(packet);
    server.once('close', () => this.#client.end());
    this.#socket.once('close', () => server.destroy());
    if (this.#socket.destroyed) server.destroy();
  }

  async #readFirst(): Promise<Buffer> {
    const head = await this.#read(4);
    const length = head.readInt32BE(0);
    if (length < 8 || length > LONGEST_STARTUP) throw new ProtocolError(`start-up packet of ${length} bytes`);
    return Buffer.concat([head, await this.#read(length - 4)]);
  }

  /** Exactly `count` bytes; what follows stays in the stream. @throws ProtocolError when the client leaves before. */
  #read(count: number): Promise<Buffer> {
    const stream = this.#client;
    return new Promise((done, failed) => {
      const attempt = () => {
        const bytes: unknown = count === 0 ? Buffer.alloc(0) : stream.read(count);
        if (!Buffer.isBuffer(bytes)) return;
        stop();
        if (bytes.length === count) done(bytes);
        else failed(new ProtocolError('the client left in the middle of a message'));
      };
      const left = () => {
        stop();
        failed(new ProtocolError('the client left before it logged in'));
      };
      const stop = () => {
        stream.off('readable', attempt);
        stream.off('end', left);
        stream.off('close', left);
      };
      stream.on('readable', attempt);
      stream.once('end', left);
      stream.once('close', left);
      attempt();
    });
  }
}
