/** What resolvers answer users, who don't ask Route 53 themselves. */
import { Resolver } from 'node:dns/promises';
import type { RecordNamed, SiteTarget } from './record.ts';

const TIMEOUT_MS = 2_000;

/** One resolver's answer for a record's name. */
export interface Answer {
  /** Its address. */
  readonly resolver: string;
  /** What it says, nothing for a name that it says isn't there; undefined: it told nothing that can be used. */
  readonly values?: readonly string[];
  /** What it says of each site's own name, for aliases; by the site's name. */
  readonly siteValues?: Readonly<Record<string, readonly string[]>>;
  /** Why it told nothing (`ETIMEOUT`, `ESERVFAIL` ...). */
  readonly failure?: string;
}

/** Asks each of them once, side by side; whoever doesn't answer within two seconds told nothing. Never throws. */
export function askResolvers(
  resolvers: readonly string[],
  { recordName, recordType }: Pick<RecordNamed, 'recordName' | 'recordType'>,
  sites: readonly (SiteTarget & { readonly name: string })[],
): Promise<readonly Answer[]> {
  return Promise.all(
    resolvers.map(async (resolver): Promise<Answer> => {
      const client = new Resolver({ timeout: TIMEOUT_MS, tries: 1 });
      try {
        client.setServers([resolver]);
        const aliases = sites.filter(({ aliasZoneId }) => aliasZoneId !== undefined);
        const [values, ...ofSites] = await Promise.all([
          orNone(recordType === 'CNAME' ? client.resolveCname(recordName) : client.resolve4(recordName)),
          ...aliases.map(({ target }) => orNone(client.resolve4(target))),
        ]);
        const siteValues = Object.fromEntries(aliases.map(({ name }, index) => [name, ofSites[index] ?? []]));
        return { resolver, values, ...(aliases.length > 0 && { siteValues }) };
      } catch (error) {
        const { code, message } = error as Error & { code?: string };
        return { resolver, failure: code ?? message };
      }
    }),
  );
}

/** "Error codes" of Node.js' DNS module: there is no such name, or nothing of that type. Users who are told so reach no site. */
const NONE: readonly unknown[] = ['ENOTFOUND', 'ENODATA'];

async function orNone(asked: Promise<string[]>): Promise<string[]> {
  try {
    return await asked;
  } catch (error) {
    if (NONE.includes((error as { code?: unknown }).code)) return [];
    throw error;
  }
}
