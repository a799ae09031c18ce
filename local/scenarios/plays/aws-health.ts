/** AWS Health tells of a trouble with a database of ours: a person is called, nothing is changed, and the incident ends when AWS closes the event. */
import type { World } from '../../world/world.ts';
import { operationalIssue } from '../support/health.ts';
import { msToResolved, startOfScenario, untilEscalated, untilIncident } from '../support/incidents.ts';
import { expectThat, type Figures, type Scenario } from '../types.ts';

const EVENT = 'AWS_RDS_OPERATIONAL_ISSUE_PLAYED';
const TARGET = `aws-health/${EVENT}`;

export const scenario: Scenario<World> = {
  name: 'aws-health',
  groups: ['alerts'],
  rank: 51,
  summary: 'AWS tells of a trouble with a database; a person is called, and it is over when AWS says so',
  targets: [TARGET],
  uses: [TARGET],
  timeLimitMs: 120_000,
  environment: { NIGHTSHIFT_DEMO_AWS_HEALTH: '1' },
  run: async (world, stage): Promise<Figures> => {
    const { region } = world.context;
    const tell = (statusCode: 'open' | 'closed') =>
      world.eventbridge.publish(
        operationalIssue({ name: EVENT, service: 'RDS', statusCode, entities: ['orders-db'], region }),
      );
    const since = startOfScenario();
    await tell('open');
    stage.step('AWS Health tells of a trouble with orders-db');
    const { id } = await untilIncident(world, stage, TARGET, since);
    const escalated = await untilEscalated(world, stage, id, 30_000);
    expectThat(
      JSON.stringify(escalated.timeline).includes('concerns rds-instance/orders-db'),
      'expected the call to say what is concerned',
    );
    stage.step('a person is called, with what it concerns');
    await tell('closed');
    const resolved = await stage.until(
      'the incident to end with the event',
      async () => {
        const found = await world.journal.readIncident(id);
        return found?.state === 'resolved' ? found : undefined;
      },
      { withinMs: 30_000 },
    );
    return { incidentId: id, toldToResolvedMs: msToResolved(resolved, since) };
  },
};
