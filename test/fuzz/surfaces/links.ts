/** Requests to the public endpoint: links, their forms, and PagerDuty's webhooks with a right signature. */
import { createHmac } from 'node:crypto';
import { EngineError } from '../../../functions/engine/errors.ts';
import { NEW_TARGET } from '../../../functions/engine/items.ts';
import { entryMaker, newId, putEntry, putTarget } from '../../../functions/engine/writes.ts';
import { readRequest } from '../../../functions/incidents/links/request.ts';
import { httpEvent, type LinksHarness, linksHarness, PAGERDUTY_SECRET, pagerDutyEvent } from '../../support/links.ts';
import type { Json } from '../mutate.ts';
import type { Surface } from '../surface.ts';
import { emptyStore } from './events.ts';

const TARGET = 'ecs-service/orders/backend';

/** An endpoint with one open incident behind it. */
async function endpoint(): Promise<{ harness: LinksHarness; incidentId: string }> {
  const store = emptyStore();
  const incidentId = `inc-${newId(Date.now())}`;
  const make = entryMaker(incidentId, 'scale-out-service', Date.now());
  await store.transact([
    putEntry(store.table, make('opened', 'cpu', { title: 'cpu', target: TARGET, severity: 'P2' })),
    putTarget(store.table, TARGET, 0, { ...NEW_TARGET, openIncidentId: incidentId }),
  ]);
  return { harness: linksHarness(store), incidentId };
}

/** Signed after the mutation: the content is what is tried, signatures have tests of their own. */
const signed = (event: Json): Json => {
  const { rawPath, body, headers } = (event ?? {}) as { rawPath?: unknown; body?: unknown; headers?: object };
  if (rawPath !== '/pagerduty' || typeof body !== 'string') return event;
  const signature = `v1=${createHmac('sha256', PAGERDUTY_SECRET).update(body).digest('hex')}`;
  return { ...(event as object), headers: { ...headers, 'x-pagerduty-signature': signature } } as Json;
};

export async function links(): Promise<Surface> {
  const { harness, incidentId } = await endpoint();
  const form = { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin' };
  const token = () => harness.token({ operation: 'ack', subject: incidentId });
  const webhook = (type: string) =>
    httpEvent('POST', '/pagerduty', JSON.stringify(pagerDutyEvent(type, incidentId)), {
      'content-type': 'application/json',
    });
  return {
    name: 'link',
    samples: [
      httpEvent('GET', `/act/${token()}`),
      httpEvent('POST', `/act/${token()}`, 'confirm=x&reason=because', form),
      webhook('incident.acknowledged'),
      webhook('incident.resolved'),
      webhook('pagey.ping'),
    ] as unknown as Json[],
    take: async (input) => {
      const event = signed(input);
      const isSchemaValid = readRequest(event).kind !== 'refused';
      try {
        const { statusCode } = await harness.send(event);
        return { isSchemaValid, outcome: `status ${statusCode}` };
      } catch (error) {
        if (!(error instanceof EngineError)) throw error;
        return { isSchemaValid, outcome: `failed: ${error.name}` };
      }
    },
  };
}

/** The bodies of webhooks, mutated as JSON before they become text. */
export async function webhooks(): Promise<Surface> {
  const { harness, incidentId } = await endpoint();
  const types = ['incident.acknowledged', 'incident.resolved', 'incident.reopened', 'pagey.ping'];
  return {
    name: 'webhook',
    samples: types.map((type) => pagerDutyEvent(type, incidentId) as unknown as Json),
    take: async (input) => {
      try {
        const { statusCode } = await harness.pagerDuty(JSON.stringify(input));
        return { isSchemaValid: statusCode < 400, outcome: `status ${statusCode}` };
      } catch (error) {
        if (!(error instanceof EngineError)) throw error;
        return { isSchemaValid: true, outcome: `failed: ${error.name}` };
      }
    },
  };
}
