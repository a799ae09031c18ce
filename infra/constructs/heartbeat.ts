/** The function that writes the time into databases, and the clock that starts it each minute (docs/decisions/0190). */
import type { Construct } from 'constructs';
import { NAMESPACE } from '../../functions/engine/metrics.ts';
import type { HeartbeatManifest } from '../../functions/heartbeats/manifest.ts';
import { withHeartbeat } from '../config/heartbeat.ts';
import { pagingAlarm } from './alarm-action.ts';
import type { DatabaseNetwork } from './database-network.ts';
import { type Deployment, functionNameOf, NightshiftFunction } from './nightshift-function.ts';
import { scheduleFunction } from './schedule.ts';

export interface HeartbeatProps {
  readonly deployment: Deployment;
  readonly manifest: HeartbeatManifest;
  readonly network: DatabaseNetwork;
}

/** It touches neither the journal nor AWS, and may log in only to the databases that want it. */
export function heartbeat(scope: Construct, { deployment, manifest, network }: HeartbeatProps): NightshiftFunction {
  const unit = new NightshiftFunction(scope, manifest.name, {
    deployment: { ...deployment, config: withHeartbeat(deployment.config) },
    ...{ manifest, network, journal: { actions: [] } },
    // The next run is a minute away; a second one at the same time would only take a connection more.
    retries: 0,
  });
  const name = functionNameOf(deployment.config.name, manifest.name);
  scheduleFunction(unit, {
    ...{ groupName: name, scheduleName: name, everyMinutes: manifest.everyMinutes },
    // A beat that is late tells nothing: the next is there by then. Scheduler's least is a minute.
    maximumEventAgeInSeconds: 60,
  });
  notSetUpAlarm(unit, deployment);
  return unit;
}

/** The metric comes once a minute while it is so; the alarm stays on over a gap of some minutes, so that it calls once. */
const notSetUpAlarm = (unit: NightshiftFunction, { config, pageTopic }: Deployment) =>
  pagingAlarm(unit, 'NotSetUpAlarm', {
    alarmName: functionNameOf(config.name, 'heartbeats-not-set-up'),
    alarmDescription: `P3. Nightshift ${config.name} can't write heartbeats into a database: its login or table is missing (docs/backups.md, Heartbeat). The log of write-heartbeat names it.`,
    namespace: NAMESPACE,
    metricName: 'HeartbeatsNotSetUp',
    dimensions: [{ name: 'Deployment', value: config.name }],
    statistic: 'Maximum',
    period: 300,
    evaluationPeriods: 3,
    datapointsToAlarm: 1,
    threshold: 0,
    comparisonOperator: 'GreaterThanThreshold',
    treatMissingData: 'notBreaching',
    pageTopic,
  });
