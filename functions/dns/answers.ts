/** Which site a resolver sends users to. Pure. */
import { canonicalName, type RecordNamed, type SiteTarget } from './record.ts';
import type { Answer } from './resolvers.ts';

type Site = SiteTarget & { readonly name: string };

/** The site; undefined when it told nothing, or something that is no site's. The addresses of a load balancer come and go: one that both have is enough. */
export function siteAnswered<S extends Site>(
  { recordType }: Pick<RecordNamed, 'recordType'>,
  sites: readonly S[],
  { values = [], siteValues = {} }: Answer,
): S | undefined {
  const isAt = ({ name, target, aliasZoneId }: S): boolean => {
    if (recordType === 'CNAME') return values.some((value) => canonicalName(value) === canonicalName(target));
    return aliasZoneId === undefined
      ? values.includes(target)
      : (siteValues[name] ?? []).some((value) => values.includes(value));
  };
  const found = sites.filter(isAt);
  return found.length === 1 ? found[0] : undefined;
}

/** "8.8.8.8 says 192.0.2.1 (east)"; "8.8.8.8 doesn't answer (ETIMEOUT)". */
export function tellAnswer(
  endpoint: Pick<RecordNamed, 'recordType'> & { readonly sites: readonly Site[] },
  answer: Answer,
): string {
  const { resolver, values, failure } = answer;
  if (values === undefined) return `${resolver} doesn't answer (${failure})`;
  const site = siteAnswered(endpoint, endpoint.sites, answer);
  return `${resolver} says ${values.join(', ') || 'nothing'} (${site?.name ?? 'no one site of it'})`;
}
