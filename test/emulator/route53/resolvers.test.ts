/** What the function makes of resolvers' answers, asked on the wire. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { siteAnswered } from '../../../functions/dns/answers.ts';
import { askResolvers } from '../../../functions/dns/resolvers.ts';
import { type DnsServer, startDnsServer } from '../../../local/stand-ins/route53/dns-server.ts';

const ADDRESSES: Readonly<Record<string, string>> = { 'shop.test': '192.0.2.1', 'west.elb.test': '192.0.2.2' };
let server: DnsServer;

beforeAll(async () => {
  server = await startDnsServer((name, type) => {
    const value = ADDRESSES[name.replace(/\.$/, '')];
    return value === undefined
      ? { code: 'NXDOMAIN', records: [] }
      : { code: 'NOERROR', records: type === 'A' ? [{ name, type, ttlSeconds: 60, value }] : [] };
  });
});
afterAll(() => server?.close());

const answerOf = async (recordName: string, recordType: string, sites: Parameters<typeof askResolvers>[2] = []) => {
  const [answer] = await askResolvers([`127.0.0.1:${server.port}`], { recordName, recordType }, sites);
  if (!answer) throw new Error('no answer');
  return answer;
};

it('takes "there is no such name" and "nothing of that type" for answers that send users nowhere', async () => {
  expect(await answerOf('gone.test', 'A')).toMatchObject({ values: [] });
  expect(await answerOf('shop.test', 'CNAME')).toMatchObject({ values: [] });
  expect((await answerOf('gone.test', 'A')).failure).toBeUndefined();
});

it('sees users sent elsewhere by an alias although the name of the site that was left is gone', async () => {
  const alias = { aliasZoneId: 'Z1' };
  const sites = [
    { ...alias, name: 'east', target: 'east.elb.test' },
    { ...alias, name: 'west', target: 'west.elb.test' },
  ];
  const answer = await answerOf('shop.test', 'A', sites);
  expect(answer).toMatchObject({ values: ['192.0.2.1'], siteValues: { east: [], west: ['192.0.2.2'] } });
  expect(siteAnswered({ recordType: 'A' }, sites, answer)).toBeUndefined();
});

it('tells of a resolver that nobody reaches why it told nothing', async () => {
  const [answer] = await askResolvers(['127.0.0.1:1'], { recordName: 'shop.test', recordType: 'A' }, []);
  expect(answer).toMatchObject({ failure: expect.any(String) });
  expect(answer?.values).toBeUndefined();
});
