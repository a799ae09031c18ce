/** What the engine itself costs for an event that leads to a change: CPU time from the event to its outcome, warm, with a model of the journal's table in memory. */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { handle } from '../../functions/engine/handler.ts';
import { Store } from '../../functions/engine/store.ts';
import { type Alarm, eventOf } from '../simulation/alarms.ts';
import { configOf } from '../simulation/config.ts';
import { type TableCommand, TableModel } from '../simulation/table/table.ts';
import { LEAST, LOAD_RUNBOOK, type NumberTarget, RAISE, remediationOf } from '../simulation/targets.ts';
import type { Runs } from './figures.ts';

const WARM_UP = 300;
const EVENTS = 1000;
/** A new journal so often: a storm of incidents would be held, and never changed. */
const A_JOURNAL = 5;
const WIDE = { perTarget: 100, perRunbook: 100, fleet: 100, removals: 100 };

export async function measureEngineCpu(): Promise<Runs[]> {
  const config = configOf({ limits: WIDE, stormTargets: 10 }, 'auto');
  const values: number[] = [];
  let store = storeOfItsOwn();
  for (let number = 0; number < WARM_UP + EVENTS; number++) {
    if (number % A_JOURNAL === 0) store = storeOfItsOwn();
    const target = targetOf(number);
    const context = {
      remediation: remediationOf(
        RAISE,
        (key) => (key === target.key ? target : undefined),
        () => [],
        {
          read: async (each) => ({ ...each }),
          setValue: async (each, value) => void Object.assign(each, { value }),
          restart: async () => {},
        },
      ),
      store,
      config,
      now: Date.now,
      requestId: `request-${number}`,
      remaining: () => 30_000,
      random: Math.random,
    };
    const event = eventOf(alarmOf(target), `event-${number}`);
    const begun = process.cpuUsage();
    const outcome = await handle(event, context);
    const { user, system } = process.cpuUsage(begun);
    if (outcome.kind !== 'remediated') throw new Error(`expected a change, got ${JSON.stringify(outcome)}`);
    if (number >= WARM_UP) values.push((user + system) / 1000);
  }
  return [
    {
      name: 'engine-cpu',
      unit: 'ms of CPU for an event',
      values,
      goal: { text: '<= 3 ms p50', atMost: 3 },
      note: 'from an alarm’s event to the recorded change, with a model of the table in memory instead of the SDK’s requests',
    },
  ];
}

const storeOfItsOwn = (): Store => {
  const table = new TableModel({ now: Date.now });
  // Only `send` is used of a client.
  return new Store('journal', {
    send: async (command: TableCommand) => table.execute(command),
  } as unknown as DynamoDBClient);
};

const targetOf = (number: number): NumberTarget => ({
  severity: 'P2',
  key: `ecs-service/orders/t${number}`,
  value: LEAST,
  load: LEAST + 1,
  stuck: false,
  restarts: 0,
  errorRate: 0,
  isHarmed: false,
});

function alarmOf(target: NumberTarget): Alarm {
  const name = `${target.key.slice(target.key.lastIndexOf('/') + 1)}-${LOAD_RUNBOOK}`;
  const arn = `arn:aws:cloudwatch:us-east-1:000000000000:alarm:${name}`;
  return { name, arn, runbook: LOAD_RUNBOOK, target, state: 'ALARM', stateAt: Date.now(), lie: undefined };
}
