/**
 * Statements as they pass the front door, so that each can be counted, refused or cut off at an exact place: what the gateway's faults are to
 * AWS calls. PostgreSQL documentation, "Message Formats" and "Message Flow": a statement is a Query message, or everything up to a Sync; the
 * server's answer to it ends with ReadyForQuery.
 */
import type { Duplex } from 'node:stream';

/** A statement, or with no `sql` the login itself. */
export interface Statement {
  readonly user: string;
  /** Of the token that was logged in with: tells which process it is. */
  readonly accessKeyId: string;
  readonly sql?: string;
}

/**
 *   `refuse`: the server isn't asked; the client gets this error.   `cut-before`: the server isn't asked, and the connection breaks.
 *   `cut-after`: the server has answered, nothing of which reaches the client; `effect` is called, then the connection breaks.
 */
export type Interruption =
  | { readonly kind: 'refuse'; readonly code: string; readonly message: string }
  | { readonly kind: 'cut-before' }
  | { readonly kind: 'cut-after'; readonly effect?: () => void };

/** Asked about each statement in its turn; `undefined` lets it pass. */
export type StatementWatcher = (statement: Statement) => Interruption | undefined | Promise<Interruption | undefined>;

const QUERY = 'Q';
const PARSE = 'P';
const SYNC = 'S';
const TERMINATE = 'X';
const READY = 'Z';

interface Message {
  readonly type: string;
  readonly bytes: Buffer;
}

/** Cuts a stream of bytes into whole messages: type, int32 length (itself included), body. */
class Messages {
  #rest = Buffer.alloc(0);

  take(chunk: Buffer): Message[] {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const found: Message[] = [];
    while (this.#rest.length >= 5) {
      const end = 1 + this.#rest.readInt32BE(1);
      if (this.#rest.length < end) break;
      found.push({ type: String.fromCharCode(this.#rest[0] ?? 0), bytes: this.#rest.subarray(0, end) });
      this.#rest = this.#rest.subarray(end);
    }
    return found;
  }
}

/** The SQL text in a group of messages: of a Query, or of a Parse behind its statement name. */
function sqlOf(group: readonly Message[]): string {
  const told = group.find(({ type }) => type === QUERY || type === PARSE);
  if (!told) return '';
  const strings = told.bytes.subarray(5).toString('utf8').split('\0');
  return (told.type === QUERY ? strings[0] : strings[1]) ?? '';
}

/** ErrorResponse, then ReadyForQuery outside a transaction. */
function errorReply(code: string, message: string): Buffer {
  const fields = Buffer.from(`SERROR\0VERROR\0C${code}\0M${message}\0\0`);
  const head = Buffer.from([0x45, 0, 0, 0, 0]);
  head.writeInt32BE(fields.length + 4, 1);
  return Buffer.concat([head, fields, Buffer.from([0x5a, 0, 0, 0, 5, 0x49])]);
}

export interface Watched {
  readonly client: Duplex;
  readonly server: Duplex;
  /** Breaks the client's connection at once. */
  readonly cut: () => void;
  readonly login: Pick<Statement, 'user' | 'accessKeyId'>;
  readonly watcher: StatementWatcher;
}

/**
 * Relays both ways, statement by statement. The login is under way: `loginInterruption` is what the watcher said to it. Clients that send a
 * second statement before the first is answered aren't expected (`pg` doesn't).
 */
export function relayWatched(watched: Watched, loginInterruption: Interruption | undefined): void {
  const { client, server, cut, login, watcher } = watched;
  const [fromClient, fromServer] = [new Messages(), new Messages()];
  let group: Message[] = [];
  let answering = loginInterruption;

  const send = (whole: readonly Message[]) => server.write(Buffer.concat(whole.map(({ bytes }) => bytes)));
  async function complete(whole: readonly Message[]): Promise<void> {
    const interruption = await watcher({ ...login, sql: sqlOf(whole) });
    if (interruption?.kind === 'cut-before') return cut();
    if (interruption?.kind === 'refuse') {
      client.write(errorReply(interruption.code, interruption.message));
      return;
    }
    answering = interruption;
    send(whole);
  }

  client.on('data', (chunk: Buffer) => {
    for (const message of fromClient.take(chunk)) {
      group.push(message);
      if (message.type !== QUERY && message.type !== SYNC && message.type !== TERMINATE) continue;
      const whole = group;
      group = [];
      if (message.type === TERMINATE) send(whole);
      else complete(whole).catch(cut);
    }
  });
  server.on('data', (chunk: Buffer) => {
    for (const { type, bytes } of fromServer.take(chunk)) {
      if (answering?.kind !== 'cut-after') client.write(bytes);
      else if (type === READY) {
        answering.effect?.();
        cut();
      }
    }
  });
}
