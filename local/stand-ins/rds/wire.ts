/**
 * The first messages of PostgreSQL's protocol, as far as a door must understand them (PostgreSQL documentation, "Message Formats" and
 * "Message Flow: Start-up"). Pure: bytes in, values out.
 */

/** Codes that stand where a protocol version would. */
const CANCEL = 80877102;
const SSL = 80877103;
const GSS = 80877104;

/** Longest start-up packet that a PostgreSQL server accepts (MAX_STARTUP_PACKET_LENGTH). */
export const LONGEST_STARTUP = 10_000;

export type FirstMessage =
  | { readonly kind: 'ssl' }
  | { readonly kind: 'gss' }
  | { readonly kind: 'cancel' }
  | { readonly kind: 'startup'; readonly parameters: Readonly<Record<string, string>> };

/** A client that doesn't speak PostgreSQL's protocol: the connection is closed. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}

/**
 * Reads a whole first packet: int32 length (included), int32 code, then the start-up parameters.
 * A parameter given twice counts the last time, as in the server: else door and server could see two different users.
 * @throws ProtocolError when it isn't one.
 */
export function parseFirst(packet: Buffer): FirstMessage {
  const code = packet.readInt32BE(4);
  if (code === SSL) return { kind: 'ssl' };
  if (code === GSS) return { kind: 'gss' };
  if (code === CANCEL) return { kind: 'cancel' };
  if (code >> 16 !== 3) throw new ProtocolError(`protocol version ${code >> 16}.${code & 0xffff}, expected 3.x`);
  const strings = packet.subarray(8).toString('utf8').split('\0');
  const parameters: Record<string, string> = Object.create(null);
  for (let at = 0; at + 1 < strings.length && strings[at]; at += 2)
    parameters[strings[at] ?? ''] = strings[at + 1] ?? '';
  return { kind: 'startup', parameters };
}

/** AuthenticationCleartextPassword. */
export const askForPassword = (): Buffer => Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3]);

/** The password in a PasswordMessage's body (its type byte and length taken off). */
export const passwordOf = (body: Buffer): string => body.toString('utf8').replace(/\0$/, '');

export const PASSWORD_MESSAGE = 0x70;

/** ErrorResponse of severity FATAL. `code` is an SQLSTATE. */
export function fatalError(code: string, message: string): Buffer {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${message}\0\0`);
  const head = Buffer.alloc(5);
  head.write('E');
  head.writeInt32BE(fields.length + 4, 1);
  return Buffer.concat([head, fields]);
}
