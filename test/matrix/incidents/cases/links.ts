/** Signed links and PagerDuty's webhooks: what a person did is written down once, in their name, and not forgotten. */

import type { EntryKind } from '../../../../events/journal.ts';
import { putApproval, readApproval } from '../../../../functions/engine/approvals.ts';
import { workKey } from '../../../../functions/engine/items.ts';
import { hashOf, parseKeys, signLink, verifyLink } from '../../../../functions/incidents/link-token.ts';
import { approval } from '../../../support/approvals.ts';
import { signal } from '../../../support/fixtures.ts';
import { httpEvent, PAGERDUTY_SECRET, pagerDutyEvent, signedWebhook } from '../../../support/links.ts';
import { overHttp } from '../delivering.ts';
import { DEPLOYMENT, orderTaker, REMEDIATION, SIGNING_KEY } from '../site.ts';
import { alarmOf, counted, entriesOf, open, targetOf, tell } from '../story.ts';
import type { Prepared, Site, UnitCase } from '../types.ts';

type Pressed = 'ack' | 'take-over' | 'resolve' | 'approve' | 'deny';

/** What each leaves in the timeline. */
const LEFT: Readonly<Record<Pressed, EntryKind>> = {
  ack: 'acknowledged',
  'take-over': 'taken-over',
  resolve: 'resolved',
  approve: 'approved',
  deny: 'denied',
};

export const unitCase: UnitCase = {
  unit: 'links',
  readsSecrets: true,
  deliveries: {
    ...Object.fromEntries(
      (Object.keys(LEFT) as Pressed[]).map((operation) => [
        operation,
        (site: Site, incidentId: string) => press(site, incidentId, operation),
      ]),
    ),
    pagerduty: webhook,
  },
};

async function press(site: Site, incidentId: string, operation: Pressed): Promise<Prepared> {
  const { store } = site;
  await tell(site, incidentId, 1, [[1, 'escalated']]);
  await open(site, incidentId);
  const asked = approval({
    approvalId: `apr-${incidentId}`,
    incidentId,
    target: targetOf(incidentId),
    askedAt: Date.now(),
    signal: { ...signal, subject: alarmOf(incidentId), target: targetOf(incidentId) },
  });
  await store.transact([putApproval(store.table, asked)]);
  const isVote = operation === 'approve' || operation === 'deny';
  const keys = parseKeys(SIGNING_KEY);
  const token = signLink(
    {
      operation,
      subject: isVote ? asked.approvalId : incidentId,
      recipient: 'jane',
      expiresAt: Math.floor(Date.now() / 1000) + 3600,
      nonce: incidentId.slice(-10),
      ...(isVote && { state: asked.state }),
    },
    keys,
    DEPLOYMENT,
  );
  const verified = verifyLink(token, keys, DEPLOYMENT, Date.now());
  const confirm = verified.kind === 'valid' ? verified.confirmation : '';
  const form = new URLSearchParams({ confirm, reason: 'for the matrix' }).toString();
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin' };
  return {
    deliver: (copies) => overHttp(site, httpEvent('POST', `/act/${token}`, form, headers), copies),
    check: async () => [
      ...(await written(site, incidentId, LEFT[operation])),
      ...((await store.read({ pk: `LINK#${hashOf(token)}`, sk: 'LINK' })) ? [] : ['I4: the link isn’t marked as used']),
      ...(isVote ? await decided(site, incidentId, operation === 'approve' ? 'approved' : 'denied') : []),
    ],
  };
}

async function written(site: Site, incidentId: string, kind: EntryKind): Promise<string[]> {
  const entries = await entriesOf(site, incidentId, kind);
  return [
    ...counted(`I4: ${kind} in the timeline`, entries.length, 1),
    ...entries
      .filter(({ by }) => !/^person:(jane|Tenex Engineer)/.test(by))
      .map(({ by }) => `I4: it is in ${by}'s name`),
  ];
}

/** The remediation was told, or its alarm is due to be judged again at once. */
async function decided({ store, effects }: Site, incidentId: string, status: string): Promise<string[]> {
  const found = await readApproval(store, `apr-${incidentId}`);
  const work = await store.read(workKey('recheck', alarmOf(incidentId)));
  const isDue = Number(work?.dueAt ?? Number.POSITIVE_INFINITY) <= Date.now();
  return [
    ...(found?.status === status ? [] : [`I4: the approval is ${found?.status}, expected ${status}`]),
    ...(status === 'approved' ? counted('I4: votes', found?.approvedBy.length ?? 0, 1) : []),
    ...(isDue ? [] : ['I1: nothing brings the decision up again']),
    // The order has an identity of its own: given again it is a duplicate.
    ...counted('I4: orders', effects.orders(orderTaker(REMEDIATION), incidentId).length, 0, 4),
  ];
}

async function webhook(site: Site, incidentId: string): Promise<Prepared> {
  await tell(site, incidentId, 1, [[1, 'escalated']]);
  const event = pagerDutyEvent('incident.acknowledged', incidentId);
  const request = signedWebhook(event, PAGERDUTY_SECRET);
  return {
    deliver: (copies) => overHttp(site, request, copies),
    check: async () => [
      ...(await written(site, incidentId, 'acknowledged')),
      ...counted('I4: notes', (await entriesOf(site, incidentId, 'note')).length, 0),
    ],
  };
}
