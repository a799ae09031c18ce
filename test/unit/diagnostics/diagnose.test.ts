/** What is concluded from AWS's own words, as its documentation gives them. */
import { describe, expect, it } from '@jest/globals';
import { diagnose } from '../../../functions/diagnostics/diagnose.ts';
import type { Seen, ServiceSeen, StoppedTask } from '../../../functions/diagnostics/types.ts';
import { diagnosisOf } from '../../../functions/diagnostics/words.ts';

const NOW = Date.parse('2026-11-22T03:00:00Z');
const service = (more: Partial<ServiceSeen> = {}): ServiceSeen => ({
  ...{ kind: 'service', name: 'backend', desired: 2, running: 2, pending: 0, deployments: [], events: [], stopped: [] },
  ...more,
});
const stopped = (reason: string, more: Partial<StoppedTask> = {}): StoppedTask => ({
  ...{ atMs: NOW, stopCode: 'TaskFailedToStart', reason },
  containers: [{ name: 'backend', image: 'shop/backend:7' }],
  ...more,
});
const told = (message: string) => ({ atMs: NOW, message });
const causes = (seen: Seen): string[] => diagnose(seen).map(({ cause }) => cause);

describe('a service whose tasks do not start', () => {
  it.each([
    [
      'CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref docker.io/shop/backend:7: not found',
      'not in its registry',
    ],
    [
      'CannotPullContainerError: Error response from daemon: pull access denied for shop/backend, repository does not exist',
      'not in its registry',
    ],
    [
      'CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref shop/backend:7: failed to do request: Head "https://registry": dial tcp 34.205.13.154:443: i/o timeout',
      'can’t be reached',
    ],
    [
      'CannotPullContainerError: The task can’t pull the image. AccessDeniedException: User is not authorized to perform: ecr:BatchGetImage',
      'task execution role',
    ],
    ['CannotPullContainerError: toomanyrequests: You have reached your pull rate limit.', 'limits how often'],
    ['CannotPullContainerError: failed to copy: write: no space left on device', 'disk'],
    [
      'CannotPullContainerError: image Manifest does not contain descriptor matching platform linux/arm64',
      'architecture',
    ],
    ['CannotPullContainerError: something that nobody has seen yet', 'ECS says why'],
  ])('names the image, and why it is not pulled: %s', (reason, why) => {
    const [first, ...others] = diagnose(service({ running: 0, stopped: [stopped(reason), stopped(reason)] }));
    expect(first?.cause).toContain('shop/backend:7');
    expect(first?.cause).toContain(why);
    expect(first?.evidence).toHaveLength(1);
    expect(others).toEqual([]);
  });

  it('finds the words with the container, too', () => {
    const containers = [
      { name: 'proxy', image: 'shop/proxy:1' },
      { name: 'backend', image: 'shop/backend:7', reason: 'CannotPullContainerError: not found' },
    ];
    const [cause = ''] = causes(service({ stopped: [stopped('Task failed to start', { containers })] }));
    expect(cause).toContain('shop/backend:7');
  });

  it.each([
    [
      'ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried 1 time(s)',
      'a secret or parameter',
    ],
    [
      'ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times',
      'their log',
    ],
    ['ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes', 'beside their image'],
  ])('says what is lacking beside the image: %s', (reason, why) => {
    expect(causes(service({ stopped: [stopped(reason)] }))[0]).toContain(why);
  });

  it.each([
    [
      '(service backend) was unable to place a task. Reason: Capacity is unavailable at this time. Please try again later or in a different availability zone.',
      'no capacity',
    ],
    [
      '(service backend) was unable to place a task because no container instance met all of its requirements. Reason: No Container Instances were found in your cluster.',
      'no machine',
    ],
    [
      '(service backend) was unable to place a task because no container instance met all of its requirements. The closest matching container-instance 1234 has insufficient memory available.',
      'memory',
    ],
    [
      '(service backend) was unable to place a task because no container instance met all of its requirements. The closest matching container-instance 1234 has insufficient CPU units available.',
      'CPU',
    ],
    [
      '(service backend) was unable to place a task because no container instance met all of its requirements. The closest matching container-instance 1234 is already using a port required by your task.',
      'port',
    ],
    [
      '(service backend) was unable to place a task. Reason: You’ve reached the limit on the number of vCPUs you can run concurrently.',
      'limit',
    ],
  ])('says why none is placed: %s', (message, why) => {
    const [cause = ''] = causes(service({ running: 0, events: [told(message)] }));
    expect(cause).toContain("aren't placed");
    expect(cause).toContain(why);
  });
});

describe('a service whose tasks die', () => {
  const ended = (exitCode: number, reason?: string) =>
    stopped('Essential container in task exited', {
      stopCode: 'EssentialContainerExited',
      containers: [{ name: 'backend', image: 'shop/backend:7', exitCode, ...(reason && { reason }) }],
    });

  it('tells want of memory from a crash', () => {
    expect(
      causes(service({ stopped: [ended(137, 'OutOfMemoryError: Container killed due to memory usage')] })),
    ).toEqual(['Tasks of backend are killed for want of memory: 1 task within the hour.']);
    const [cause = ''] = causes(service({ stopped: [ended(1), ended(1)] }));
    expect(cause).toBe(
      'Tasks of backend end by themselves: 2 tasks within the hour, the last with exit code 1 (its own error). Their log says why.',
    );
  });

  it('does not call a task that a deployment or a person stopped a crash', () => {
    const scaled = stopped('Scaling activity initiated by (deployment ecs-svc/1)', {
      stopCode: 'ServiceSchedulerInitiated',
    });
    const byHand = stopped('Task stopped by user', { stopCode: 'UserInitiated' });
    expect(causes(service({ stopped: [scaled, byHand] }))).toEqual([]);
  });
});

describe('a service that can not be reached', () => {
  const unhealthy =
    '(service backend) (task 12ab) (port 80) is unhealthy in (target-group arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/b/1) due to (reason Health checks failed with these codes: [502])';

  it('quotes the load balancer', () => {
    expect(causes(service({ events: [told(unhealthy)] }))).toEqual([
      'Tasks of backend fail their health checks: Health checks failed with these codes: [502].',
    ]);
  });

  it('says so when nobody is left to answer', () => {
    expect(causes(service({ events: [told(unhealthy)], healthyTargets: 0 }))[0]).toContain('Nobody can reach backend');
    expect(causes(service({ healthyTargets: 2 }))).toEqual([]);
  });

  it('names a deployment that is under way or failed, after what it died of', () => {
    const deployment = {
      ...{ primary: true, revision: 'backend:7', rolloutState: 'IN_PROGRESS' as const, reason: 'in progress' },
      ...{ failedTasks: 3, createdAtMs: NOW },
    };
    const crashed = stopped('CannotStartContainerError: exec: "/run": no such file');
    expect(causes(service({ deployments: [deployment], stopped: [crashed] }))).toEqual([
      "Containers of backend can't be started: look at command, entry point and volumes.",
      'A deployment of backend is under way: backend:7, since 2026-11-22T03:00:00.000Z; 3 tasks of it failed.',
    ]);
    expect(causes(service({ deployments: [{ ...deployment, rolloutState: 'FAILED' }] }))).toEqual([
      'A deployment of backend failed: backend:7.',
    ]);
  });

  it('says what is missing when ECS does not say why, and nothing when all is there', () => {
    expect(causes(service({ running: 1, pending: 1 }))).toEqual([
      "Only 1 of 2 tasks of backend run, 1 more are starting; ECS doesn't say why.",
    ]);
    expect(causes(service({ desired: 0, running: 0 }))).toEqual(['backend is scaled to zero tasks.']);
    expect(causes(service())).toEqual([]);
  });
});

describe('a database', () => {
  it('is told by its status and by what RDS said of it', () => {
    const seen: Seen = {
      ...{ kind: 'database', name: 'orders-db', status: 'storage-full', pending: ['AllocatedStorage'] },
      events: [told('The free storage capacity for DB Instance: orders-db is low at 2% of the provisioned storage')],
    };
    expect(diagnose(seen)).toEqual([
      { cause: 'RDS says that orders-db is storage-full.', evidence: ['waits to be changed: AllocatedStorage'] },
      { cause: 'orders-db is running out of storage.', evidence: [expect.stringContaining('is low at 2%')] },
    ]);
  });

  it('is not accused when it is available and nothing happened', () => {
    expect(
      diagnose({
        kind: 'database',
        name: 'orders-db',
        status: 'available',
        pending: [],
        events: [told('Backing up DB instance')],
      }),
    ).toEqual([]);
  });
});

describe('an endpoint', () => {
  const site = (name: string, verdict: string) => ({ name, verdict, told: '0 of 3 probes good (status 503)' });
  it('names the sites that do not answer', () => {
    expect(causes({ kind: 'endpoint', name: 'shop', sites: [site('a', 'sick'), site('b', 'sick')] })).toEqual([
      'No site of shop answers: a, b.',
    ]);
    expect(causes({ kind: 'endpoint', name: 'shop', sites: [site('a', 'sick'), site('b', 'healthy')] })[0]).toContain(
      'a does not answer',
    );
    expect(causes({ kind: 'endpoint', name: 'shop', sites: [site('a', 'healthy')] })).toEqual([]);
    expect(causes({ kind: 'endpoint', name: 'shop', sites: [site('a', 'unclear')] })[0]).toContain("can't be told");
  });
});

describe('what the timeline keeps', () => {
  it('is the probable cause, how things stand, and the last words, newest first', () => {
    const seen = service({
      running: 1,
      events: [{ atMs: NOW - 60_000, message: '(service backend) has started 1 tasks: (task 12ab).' }],
      stopped: [stopped('CannotPullContainerError: not found')],
    });
    expect(diagnosisOf({ seen, unread: ['read the tasks: AccessDenied'] })).toMatchObject({
      summary: expect.stringMatching(/^probably: Tasks of backend don't start because/),
      seen: [
        'tasks: 1 of 2 running, 0 starting, 1 stopped within the hour',
        '03:00:00 a task stopped: CannotPullContainerError: not found',
        '02:59:00 (service backend) has started 1 tasks: (task 12ab).',
      ],
      unread: ['read the tasks: AccessDenied'],
    });
  });

  it('says what clients get, where a load balancer tells it', () => {
    const line = (clients: ServiceSeen['clients']) =>
      diagnosisOf({ seen: service({ ...(clients && { clients }) }), unread: [] })?.seen[1];
    expect(line({ requestsPerMinute: 1200, failedShare: 0.0345, latencySeconds: 1.5 })).toBe(
      'clients: 1200 requests a minute, 3.5 % answered with an error, after 1.50 s on average',
    );
    expect(line({ requestsPerMinute: 0 })).toBe('clients: 0 requests a minute');
    expect(line(undefined)).toBeUndefined();
  });

  it('says how much of its CPU and memory a service uses, as far as CloudWatch tells', () => {
    const lines = (use: ServiceSeen['use']) =>
      diagnosisOf({ seen: service({ ...(use && { use }) }), unread: [] })?.seen;
    expect(lines({ cpuPercent: 92.6, memoryPercent: 41 })?.[1]).toBe(
      'use: CPU 93 %, memory 41 % of what its tasks have',
    );
    expect(lines({ memoryPercent: 41 })?.[1]).toBe('use: memory 41 % of what its tasks have');
    expect(lines(undefined)).toHaveLength(1);
  });

  it('does not say that no task stopped, or that nothing explains the trouble, when that could not be read', () => {
    const told = diagnosisOf({ seen: service({ stoppedUnread: true }), unread: ['read the tasks: timeout'] });
    expect(told).toMatchObject({
      summary: 'what could be read of it does not explain the trouble',
      seen: ['tasks: 2 of 2 running, 0 starting'],
    });
  });

  it('says so when nothing explains the trouble or nothing could be read, and is nothing for what is not looked at', () => {
    expect(diagnosisOf({ seen: service(), unread: [] })?.summary).toBe(
      'nothing that AWS says of it explains the trouble',
    );
    expect(diagnosisOf({ seen: { kind: 'not-looked-at' }, unread: ['timeout'] })?.summary).toContain(
      'could not be read',
    );
    expect(diagnosisOf({ seen: { kind: 'not-looked-at' }, unread: [] })).toBeUndefined();
    expect(
      diagnosisOf({ seen: { kind: 'missing', why: 'ECS service a/b is MISSING' }, unread: [] })?.summary,
    ).toContain('MISSING');
  });
});
