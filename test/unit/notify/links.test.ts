import { randomBytes } from 'node:crypto';
import { describe, expect, it, jest } from '@jest/globals';
import { webhookBody as webhookSchema } from '../../../events/published/notification-webhook.ts';
import { parseKeys, verifyLink } from '../../../functions/incidents/link-token.ts';
import { slackMessage } from '../../../functions/incidents/notify/formats/slack.ts';
import { teamsMessage } from '../../../functions/incidents/notify/formats/teams.ts';
import { mailOf } from '../../../functions/incidents/notify/formats/text.ts';
import { webhookBody } from '../../../functions/incidents/notify/formats/webhook.ts';
import { withLinks } from '../../../functions/incidents/notify/links.ts';
import { APPROVAL, AT, content } from '../../support/notify/fixtures.ts';
import { slackRules, teamsRules } from '../../support/notify/vendor-rules.ts';

const KEY = randomBytes(32).toString('base64');
const config = { deployment: 'test', links: { signingSecretArn: 'arn:key', validForSeconds: 3600 } };
const linking = { secrets: { get: async () => KEY }, linksUrl: 'https://abc.execute-api.us-east-1.amazonaws.com' };
const channel = { kind: 'slack', webhookSecretArn: 'arn:x', perMinute: 10, recipient: 'jane' } as const;
const linked = async (happening: Parameters<typeof content>[0], over: object = {}) =>
  withLinks('team', { ...channel, ...over }, content(happening), config, linking);
const tokenOf = (url: string) => url.slice(`${linking.linksUrl}/act/`.length);
const NOW = Date.parse(AT);

describe('links in messages', () => {
  it('offer what can be done with an incident, in the recipient’s name, for as long as is configured', async () => {
    for (const happening of ['opened', 'escalated'] as const) {
      const { message, ...rest } = await linked(happening);
      expect(message.links?.map(({ operation }) => operation)).toEqual(['ack', 'take-over', 'resolve']);
      const [first] = message.links ?? [];
      const subject = rest.kind === 'event' ? rest.event.incident.id : '';
      expect(verifyLink(tokenOf(first?.url ?? ''), parseKeys(KEY), 'test', NOW)).toMatchObject({
        kind: 'valid',
        link: { operation: 'ack', subject, recipient: 'jane', expiresAt: NOW / 1000 + 3600 },
      });
    }
  });

  it('of an approval are bound to what is asked, and end with it', async () => {
    const { message } = await linked('approval');
    expect(message.links?.map(({ operation }) => operation)).toEqual(['approve', 'deny']);
    for (const { url } of message.links ?? [])
      expect(verifyLink(tokenOf(url), parseKeys(KEY), 'test', NOW)).toMatchObject({
        link: { subject: APPROVAL.id, state: APPROVAL.state, expiresAt: Date.parse(APPROVAL.validUntil) / 1000 },
      });
  });

  it('are the same each time the same event is told, and others in another channel', async () => {
    expect(await linked('opened')).toEqual(await linked('opened'));
    const other = await withLinks('other', channel, content('opened'), config, linking);
    expect(other.message.links?.[0]?.url).not.toBe((await linked('opened')).message.links?.[0]?.url);
  });

  it.each([
    ['a channel that nobody is named for', 'opened', { recipient: undefined }],
    ['an update', 'updated', {}],
    ['an end', 'resolved', {}],
  ] as const)('are not in %s', async (_what, happening, over) => {
    expect((await linked(happening, over)).message.links).toBeUndefined();
  });

  it('never keep people from being told: without the key the message goes without', async () => {
    const said = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
    for (const get of [async () => 'not a key', async () => Promise.reject(new Error('no secrets today'))])
      expect(
        (await withLinks('team', channel, content('approval'), config, { ...linking, secrets: { get } })).message,
      ).toEqual(content('approval').message);
    expect(said.mock.calls.join('')).toContain('told without links');
    expect(said.mock.calls.join('')).not.toContain('not a key');
    said.mockRestore();
  });

  it('are in every format as its vendor takes them', async () => {
    for (const happening of ['opened', 'approval', 'escalated'] as const) {
      const told = await linked(happening);
      expect(slackRules.safeParse(slackMessage(told.message)).error).toBeUndefined();
      expect(teamsRules.safeParse(teamsMessage(told.message)).error).toBeUndefined();
      expect(webhookSchema.safeParse(webhookBody(told)).error).toBeUndefined();
      const urls = told.message.links?.map(({ url }) => url) ?? [];
      const slack = JSON.stringify(slackMessage(told.message));
      const teams = JSON.stringify(teamsMessage(told.message));
      for (const url of urls)
        for (const text of [slack, teams, mailOf(told.message).text, JSON.stringify(webhookBody(told))])
          expect(text).toContain(url);
    }
  });

  it('of an approval stand beside everything that somebody needs to know', () => {
    const { text } = mailOf(content('approval').message);
    for (const part of [
      'raise desired count from 2 to 4',
      'desiredCount: 2',
      'medium',
      '+0.12 USD an hour',
      '2 different people',
      `nightshift approve ${APPROVAL.id}`,
    ])
      expect(text).toContain(part);
  });
});
