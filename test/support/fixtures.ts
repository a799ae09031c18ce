/** Small valid values that tests start from and change one thing of. */

import type { Signal } from '../../events/signal.ts';
import type {
  CertificateConfig,
  DatabaseConfig,
  EndpointConfig,
  RunbookLimits,
  RuntimeConfig,
  ServiceConfig,
} from '../../functions/engine/config.ts';
import { RUNBOOKS } from '../../runbooks/index.ts';

/** Higher rungs that are there only where `plansByAlarm` says so. */
const STARTS_PLAN = ['recover-service'];

export const NOW = Date.parse('2026-11-20T03:00:00.000Z');

export const service: ServiceConfig = {
  name: 'backend',
  cluster: 'orders',
  service: 'backend',
  minTasks: 2,
  maxTasks: 10,
  cpuAbovePercent: 70,
  memoryAbovePercent: 80,
  cpuBelowPercent: 40,
  idleForSeconds: 3600,
  stabiliseForSeconds: 300,
  rollBackWithinSeconds: 1800,
  taskUnhealthyForSeconds: 120,
  maxTaskCpuUnits: 1024,
  maxTaskMemoryMib: 4096,
  taskRoles: [],
  dependsOn: ['orders-db'],
  connectionsPerTask: 5,
  severity: 'P2',
};

export const database: DatabaseConfig = {
  name: 'orders-db',
  host: '127.0.0.1',
  port: 5432,
  databaseName: 'orders',
  user: 'nightshift',
  maxConnections: 80,
  connectionsAboveShare: 0.8,
  releaseToShare: 0.5,
  idleForSeconds: 600,
  instanceClasses: [
    { name: 'db.t4g.micro', usdPerHour: 0.016 },
    { name: 'db.t4g.small', usdPerHour: 0.032 },
    { name: 'db.t4g.medium' },
  ],
  maxReadReplicas: 2,
  costApprovals: 0,
  deadRowsAboveShare: 0.2,
  vacuumTablesUpToMib: 2048,
  queryLongerThanSeconds: 300,
  maxStorageGib: 100,
  includeIdleInTransaction: false,
  allowUsers: ['batch_allowed'],
  allowApplications: [],
  pooler: 'none',
  recheckAfterSeconds: 60,
  heartbeat: false,
  authority: false,
  severity: 'P1',
};

export const endpoint: EndpointConfig = {
  name: 'shop',
  zoneId: 'Z0123456789ABCDEFGHIJ',
  recordName: 'shop.example.com',
  recordType: 'A',
  ttlSeconds: 60,
  healthCheckId: '00000000-0000-4000-8000-000000000000',
  sites: [
    {
      name: 'east',
      target: '192.0.2.1',
      healthCheckId: '00000000-0000-4000-8000-000000000001',
      probeUrl: 'https://east.shop.example.com/health',
    },
    {
      name: 'west',
      target: '192.0.2.2',
      healthCheckId: '00000000-0000-4000-8000-000000000002',
      probeUrl: 'https://west.shop.example.com/health',
    },
  ],
  dwellSeconds: 1800,
  failBack: 'auto',
  severity: 'P1',
};

export const certificate: CertificateConfig = {
  name: 'shop',
  arn: 'arn:aws:acm:us-east-1:000000000000:certificate/61f50cd4-45b9-4259-b049-d0a53682fa4b',
  zones: { 'example.com': 'Z0123456789ABCDEFGHIJ' },
  renewsWithinSeconds: 3600,
  severity: 'P3',
};

export const limits: RunbookLimits = { mode: 'auto', cooldownSeconds: 300, perTargetPerHour: 3, perRunbookPerHour: 20 };

export const config: RuntimeConfig = {
  version: 1,
  name: 'test',
  region: 'us-east-1',
  standbyRegion: 'us-west-2',
  services: { backend: service },
  databases: { 'orders-db': database },
  endpoints: {},
  certificates: {},
  runbooks: { 'scale-out-service': limits, 'release-idle-connections': limits },
  fleet: { changesPerHour: 50, removalsPerHour: 50, describesPerSecond: 1000 },
  ladders: Object.fromEntries(
    RUNBOOKS.map(({ name, rungs, ...runbook }) => [
      name,
      { ...runbook, rungs: rungs.filter((rung, at) => at === 0 || !STARTS_PLAN.includes(rung)) },
    ]),
  ),
  // Tests that share a journal open more incidents than a fleet has.
  storm: { targets: 10_000, withinSeconds: 300 },
  windows: [],
  people: {},
  approvals: { validForSeconds: 3600 },
  escalation: {
    levels: [
      { name: 'primary', afterMinutes: 0, channels: [] },
      { name: 'secondary', afterMinutes: 15, channels: [] },
      { name: 'lead', afterMinutes: 30, channels: [] },
      { name: 'head', afterMinutes: 45, channels: [] },
    ],
    acknowledgeWithinMinutes: { P1: 5, P2: 15, P3: 60, P4: 1440 },
    repeatEveryMinutes: 60,
    acknowledgementLastsMinutes: 480,
    businessHours: {
      timeZone: 'UTC',
      days: ['mon', 'tue', 'wed', 'thu', 'fri'],
      from: '09:00',
      to: '17:00',
    },
  },
  firstEvaluationHoldSeconds: 120,
  handsOffSeconds: 3600,
  staleAfterSeconds: 900,
  reconcileEverySeconds: 300,
  alarmPeriodSeconds: 60,
  metricPeriodSeconds: 60,
  verifyWithinSeconds: 600,
};

export const signal: Signal = {
  id: 'c4c1c1c9-6542-e61b-6ef0-8c4d36933a92',
  source: 'cloudwatch-alarm',
  subject: 'arn:aws:cloudwatch:us-east-1:000000000000:alarm:backend-cpu',
  name: 'backend-cpu',
  state: 'firing',
  at: new Date(NOW - 5_000).toISOString(),
  target: 'ecs-service/orders/backend',
  firstEvaluation: false,
  recheck: 0,
  rung: 0,
  evidence: { reason: 'Threshold Crossed', metricName: 'CPUUtilization', datapoints: [81], threshold: 70 },
};

/** A CloudWatch alarm event as EventBridge delivers it, of an alarm that opted in. */
export function alarmEvent(overrides: { detail?: object; [key: string]: unknown } = {}): Record<string, unknown> {
  const { detail, ...rest } = overrides;
  return {
    version: '0',
    id: 'c4c1c1c9-6542-e61b-6ef0-8c4d36933a92',
    'detail-type': 'CloudWatch Alarm State Change',
    source: 'aws.cloudwatch',
    account: '000000000000',
    time: new Date(NOW - 5_000).toISOString(),
    region: 'us-east-1',
    resources: ['arn:aws:cloudwatch:us-east-1:000000000000:alarm:backend-cpu'],
    detail: {
      alarmName: 'backend-cpu',
      configuration: {
        metrics: [
          {
            id: 'm1',
            metricStat: {
              metric: {
                namespace: 'AWS/ECS',
                name: 'CPUUtilization',
                dimensions: { ClusterName: 'orders', ServiceName: 'backend' },
              },
              period: 60,
              stat: 'Average',
            },
            returnData: true,
          },
        ],
      },
      previousState: { value: 'OK', reason: 'Threshold Crossed', timestamp: '2026-11-20T02:50:00.000+0000' },
      state: {
        value: 'ALARM',
        reason: 'Threshold Crossed: 1 out of the last 1 datapoints [81.2] was greater than the threshold (70.0)',
        reasonData: JSON.stringify({ version: '1.0', recentDatapoints: [81.2], threshold: 70 }),
        timestamp: new Date(NOW - 5_000).toISOString(),
      },
      alarmTags: { 'nightshift:runbook': 'scale-out-service' },
      alarmTagsStatus: 'SUCCESS',
      ...detail,
    },
    ...rest,
  };
}
