/** Writing another address into what services connect by, whatever its form. Pure. The text is a secret: nothing of it is put into an error. */

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** PostgreSQL's own, where none is named. */
const DEFAULT_PORT = 5432;

const literally = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/**
 * The same connection to another address; undefined when it doesn't name `from`. Understood are `host`, `host:port`, a URL such as `postgres://user:password@host:port/name`, and a JSON object
 * with the fields `host` and `port` ("JSON structure of AWS Secrets Manager secrets": database credentials), or with such URLs as values. Undefined, too, when `from` would be left anywhere.
 * @param instance name of the instance at `to`, for the field `dbInstanceIdentifier`.
 */
export function pointAt(text: string, from: Address, to: Address, instance: string): string | undefined {
  const changed = rewritten(text, from, to, instance);
  // Written into one place of several, some services would go on writing to `from`.
  return changed === undefined || isIn(changed.toLowerCase().replaceAll(to.host.toLowerCase(), ''), from.host)
    ? undefined
    : changed;
}

const isIn = (text: string, host: string): boolean => text.toLowerCase().includes(host.toLowerCase());

/** Stands for any other address (RFC 2606: no host has such a name). */
const ELSEWHERE = { host: 'elsewhere.invalid', port: DEFAULT_PORT };

/** Whether all that the text names is this address. */
export const isAt = (text: string, address: Address): boolean => pointAt(text, address, ELSEWHERE, '') !== undefined;

/** Whether the address is in the text in any place or form. @param other the address that it has to be told from: behind one host only their ports differ. */
export const speaksOf = (text: string, address: Address, other: Address): boolean =>
  rewritten(text, address, ELSEWHERE, '') !== undefined || (address.host !== other.host && isIn(text, address.host));

function rewritten(text: string, from: Address, to: Address, instance: string): string | undefined {
  const fields = asObject(text);
  if (!fields) return inText(text, from, to);
  if (fields.host === from.host && Number(fields.port ?? DEFAULT_PORT) === from.port) {
    const port = typeof fields.port === 'string' ? String(to.port) : to.port;
    return JSON.stringify({
      ...{ ...fields, host: to.host },
      ...((fields.port !== undefined || to.port !== DEFAULT_PORT) && { port }),
      ...(fields.dbInstanceIdentifier !== undefined && { dbInstanceIdentifier: instance }),
    });
  }
  const changed = Object.entries(fields).map(([key, value]): [string, unknown] => [
    key,
    (typeof value === 'string' && value.includes('://') && inText(value, from, to)) || value,
  ]);
  const isOther = changed.some(([key, value]) => value !== fields[key]);
  return isOther ? JSON.stringify(Object.fromEntries(changed)) : undefined;
}

function asObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const read: unknown = JSON.parse(text);
    return typeof read === 'object' && read !== null && !Array.isArray(read)
      ? (read as Record<string, unknown>)
      : undefined;
  } catch {
    // Not JSON: one of the other forms.
    return undefined;
  }
}

/** A bare address, or a URL: what is before and after the address stays as it is, byte by byte. */
function inText(text: string, from: Address, to: Address): string | undefined {
  const found = new RegExp(
    `^(\\s*|[a-z][a-z0-9+.-]*://(?:[^/@\\s]*@)?)${literally(from.host)}(:\\d+)?(?=\\s*$|[/?#])`,
    'i',
  ).exec(text);
  if (!found) return undefined;
  const [whole, before = '', port] = found;
  if ((port === undefined ? DEFAULT_PORT : Number(port.slice(1))) !== from.port) return undefined;
  const named = port === undefined && to.port === DEFAULT_PORT ? to.host : `${to.host}:${to.port}`;
  return `${before}${named}${text.slice(whole.length)}`;
}
