/** The user and password in a secret's text ("JSON structure of AWS Secrets Manager secrets", Amazon RDS: PostgreSQL). Pure. Nothing of the text is put into an error. */

export interface Credential {
  readonly username: string;
  readonly password: string;
  /** Undefined: it doesn't name an address. */
  readonly host: string | undefined;
  readonly port: number | undefined;
  /** The database on the server. Undefined: it doesn't name one. */
  readonly dbname: string | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(text: string): Fields | undefined {
  try {
    const found: unknown = JSON.parse(text);
    return typeof found === 'object' && found !== null && !Array.isArray(found) ? (found as Fields) : undefined;
  } catch {
    return undefined;
  }
}

/** Undefined when it isn't such JSON, or has the password in another place, too: written into one of several, services would split. */
export function credentialOf(text: string): Credential | undefined {
  const fields = fieldsOf(text);
  if (!fields) return undefined;
  const { username, password, host, port, ...others } = fields;
  const { dbname } = others;
  if (typeof username !== 'string' || typeof password !== 'string' || username === '' || password === '')
    return undefined;
  const rest = JSON.stringify(others);
  // As it is, as in a URL, and a URL with the user.
  const elsewhere = [
    JSON.stringify(password).slice(1, -1),
    encodeURIComponent(password),
    `//${username}:`,
    `//${username}@`,
  ];
  if (elsewhere.some((text) => rest.includes(text))) return undefined;
  return {
    ...{ username, password },
    host: typeof host === 'string' ? host : undefined,
    port: port === undefined || Number.isNaN(Number(port)) ? undefined : Number(port),
    dbname: typeof dbname === 'string' ? dbname : undefined,
  };
}

/** The same connection for another user. @returns undefined when the text isn't understood. */
export const withCredential = (text: string, username: string, password: string): string | undefined =>
  credentialOf(text) && JSON.stringify({ ...fieldsOf(text), username, password });
