/** The plan's changes against an endpoint that answers as AWS would, in states that change between the decision and the change. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { RuntimeConfig } from '../../../functions/engine/config.ts';
import { ChangedBySomeoneElseError } from '../../../functions/engine/errors.ts';
import type { Change } from '../../../functions/engine/remediation.ts';
import type { regionFailover } from '../../../functions/recovery/region-failover/handler.ts';
import type { StepContext } from '../../../functions/recovery/step.ts';
import { pair } from '../../support/failover.ts';
import { config, service } from '../../support/fixtures.ts';

/** Numbers of tasks by service, as somebody left them. */
let tasks: Record<string, number>;
let isPrimaryBack: boolean;
let changes: string[];
let server: Server;
let code: ReturnType<typeof regionFailover>;
let context: StepContext<never>;

const INSTANCE = `<DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances><DBInstance>
<DBInstanceIdentifier>checkout-db</DBInstanceIdentifier><DBInstanceArn>arn:aws:rds:us-west-2:1:db:checkout-db</DBInstanceArn>
<DBInstanceStatus>available</DBInstanceStatus><ReadReplicaSourceDBInstanceIdentifier>arn:aws:rds:us-east-1:1:db:checkout-db</ReadReplicaSourceDBInstanceIdentifier>
</DBInstance></DBInstances></DescribeDBInstancesResult></DescribeDBInstancesResponse>`;
const PROMOTED = '<PromoteReadReplicaResponse><PromoteReadReplicaResult/></PromoteReadReplicaResponse>';

async function answer(request: IncomingMessage): Promise<{ readonly status: number; readonly body: string }> {
  if (request.url === '/primary') return { status: isPrimaryBack ? 200 : 503, body: '' };
  const body = await text(request);
  const target = String(request.headers['x-amz-target'] ?? '');
  if (target.endsWith('.DescribeServices')) {
    const [serviceName = ''] = JSON.parse(body).services as string[];
    const found = { serviceName, status: 'ACTIVE', desiredCount: tasks[serviceName], deployments: [] };
    return { status: 200, body: JSON.stringify({ services: [found] }) };
  }
  if (target.endsWith('.UpdateService')) {
    const { service: name, desiredCount } = JSON.parse(body) as { service: string; desiredCount: number };
    changes.push(`${name} ${desiredCount}`);
    return { status: 200, body: '{}' };
  }
  const action = new URLSearchParams(body).get('Action');
  if (action === 'PromoteReadReplica') changes.push(action);
  return { status: 200, body: action === 'PromoteReadReplica' ? PROMOTED : INSTANCE };
}

beforeAll(async () => {
  server = createServer((request, reply) => {
    void answer(request).then(({ status, body }) => reply.writeHead(status).end(body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const credentials = { AWS_ACCESS_KEY_ID: 'tester', AWS_SECRET_ACCESS_KEY: 'test' };
  Object.assign(process.env, { AWS_ENDPOINT_URL: url, AWS_REGION: 'us-west-2', ...credentials });
  ({ code } = await import('../../../functions/recovery/region-failover/handler.ts'));
  const known: RuntimeConfig = {
    ...config,
    services: { api: { ...service, service: 'api' }, worker: { ...service, service: 'worker' } },
    pairs: { checkout: { ...pair, tasks: { api: 4, worker: 4 }, primaryProbeUrl: `${url}/primary` } },
  };
  context = {
    input: { pair: 'checkout', fenced: 'jane' },
    config: known,
    now: Date.now,
  } as unknown as StepContext<never>;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
});
beforeEach(() => {
  [tasks, isPrimaryBack, changes] = [{ api: 1, worker: 1 }, false, []];
});

const act = (step: string, change: Partial<Change>) => code.steps[step]?.act(context, change as Change);
const counts = (api: number, worker: number) => ({ tasks: { 'orders/api': api, 'orders/worker': worker } });
const scaling = { summary: 'scale', before: counts(1, 1), after: counts(4, 4) };

describe('setting the tasks of the standby', () => {
  it('sets those that are as they were found', async () => {
    tasks.worker = 4;
    await act('scale', scaling);
    expect(changes).toEqual(['api 4']);
  });

  it('sets none at all where a later one is another’s by now, because nothing is taken back then', async () => {
    tasks.worker = 2;
    await expect(act('scale', scaling)).rejects.toThrow(ChangedBySomeoneElseError);
    expect(changes).toEqual([]);
  });
});

describe('promoting', () => {
  it('is asked for while the primary answers nothing', async () => {
    await act('promote', { summary: 'promote' });
    expect(changes).toEqual(['PromoteReadReplica']);
  });

  it('isn’t asked for when the primary answers again by then, however long ago the outage was confirmed', async () => {
    isPrimaryBack = true;
    await expect(act('promote', { summary: 'promote' })).rejects.toThrow(/the primary: .*3 of 3 probes good/);
    expect(changes).toEqual([]);
  });
});
