/** More happens in a minute than the team is told one by one: the notifier puts the rest aside and sends a digest. */
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { DETAIL_TYPES, NOTIFICATION_SOURCE } from '../../../events/published/notification.ts';
import { DATABASE_TARGET } from '../../../local/scenarios/support/database.ts';
import type { Scenario } from '../../../local/scenarios/types.ts';
import { OPERATOR } from '../../../local/world/clients.ts';
import type { World } from '../../../local/world/world.ts';
import { incidentEvent } from '../../support/notify/fixtures.ts';
import { SERVICE_TARGET } from './support.ts';

/** More than twice what the demo's channel is told in a minute, so that a new minute in between changes nothing. */
const EVENTS = 24;
const ENTRIES = 8;

const eventOf = (index: number) => ({
  EventBusName: 'nightshift-demo',
  Source: NOTIFICATION_SOURCE,
  DetailType: DETAIL_TYPES.opened,
  Detail: JSON.stringify(
    incidentEvent('opened', { incident: { id: `inc-storm-${index}` }, entry: { id: `storm-${1000 + index}` } }),
  ),
});

export const NOTIFY_CASES: readonly Scenario<World>[] = [
  {
    name: 'digest',
    groups: [],
    summary: 'more events than a minute allows are told in one digest',
    rank: 9,
    targets: [],
    // Each event is a process here for a moment: others would be slow beside it.
    uses: [SERVICE_TARGET, DATABASE_TARGET],
    timeLimitMs: 90_000,
    run: async (world, stage) => {
      const { region } = world.context;
      const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
      const client = new EventBridgeClient({ endpoint: world.endpoint, region, userAgentAppId: OPERATOR, credentials });
      stage.restore('the client', () => client.destroy());
      for (let from = 0; from < EVENTS; from += ENTRIES)
        await client.send(
          new PutEventsCommand({ Entries: Array.from({ length: ENTRIES }, (_, index) => eventOf(from + index)) }),
        );
      const digest = await stage.until(
        'a digest at the team',
        () => world.team.told.find(({ type }) => type === 'incident.digest'),
        { withinMs: 60_000, everyMs: 100 },
      );
      return { events: digest.type === 'incident.digest' ? digest.data.events.length : 0 };
    },
  },
];
