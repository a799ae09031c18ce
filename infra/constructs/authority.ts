/** The functions by which databases take writes only while the standby's region grants it (docs/decisions/0250). */
import type { Construct } from 'constructs';
import type { AuthorityManifest } from '../../functions/authority/manifest.ts';
import { authorityKey } from '../../functions/engine/items.ts';
import { NAMESPACE } from '../../functions/engine/metrics.ts';
import { silenceAlarm } from './alarm-action.ts';
import type { DatabaseNetwork } from './database-network.ts';
import { type Deployment, functionNameOf, NightshiftFunction } from './nightshift-function.ts';
import { scheduleFunction } from './schedule.ts';

export interface AuthorityProps {
  readonly deployment: Deployment;
  readonly manifest: AuthorityManifest;
  readonly network: DatabaseNetwork | undefined;
}

/** The one without a clock speaks SQL and is invoked by the other one, from another region, and by plans. */
export function authorityFunction(
  scope: Construct,
  { deployment, manifest, network }: AuthorityProps,
): NightshiftFunction {
  const { everyMinutes } = manifest;
  if (everyMinutes === undefined) {
    const hand = new NightshiftFunction(scope, manifest.name, {
      ...{ deployment, manifest, network },
      journal: { actions: ['UpdateItem'], writes: [authorityKey('*').pk] },
    });
    // Also deployed in the standby's region, to free a promoted replica: nobody grants anything there.
    if (Object.values(deployment.config.databases).some(({ authority }) => authority)) notHeardAlarm(hand, deployment);
    return hand;
  }
  const unit = new NightshiftFunction(scope, manifest.name, {
    ...{ deployment, manifest },
    journal: { actions: ['GetItem', 'PutItem'], writes: [authorityKey('*').pk] },
    // The next run is a minute away.
    retries: 0,
  });
  const name = functionNameOf(deployment.config.name, manifest.name);
  scheduleFunction(unit, {
    ...{ groupName: name, scheduleName: name, everyMinutes },
    // What is late is renewed by the next run. Scheduler's least is a minute.
    maximumEventAgeInSeconds: 60,
  });
  notKeptAlarm(unit, deployment);
  return unit;
}

/** In the primary's region: the alarm of the keeper is lost with the standby's region, and then writes stop here. */
const notHeardAlarm = (hand: NightshiftFunction, { config, pageTopic }: Deployment) =>
  silenceAlarm(hand, 'NotHeardAlarm', {
    alarmName: functionNameOf(config.name, 'authority-not-heard'),
    alarmDescription: `P1. No primary database of Nightshift ${config.name} was told for some minutes that it may write: each stops taking writes when its lease is over, until the standby's region grants one again. A failover may be under way there, or that region, or the way there, is down (docs/recovery.md, Fencing by itself).`,
    namespace: NAMESPACE,
    metricName: 'AuthorityHeard',
    dimensions: [{ name: 'Deployment', value: config.name }],
    statistic: 'Sum',
    period: 60,
    evaluationPeriods: 3,
    pageTopic,
  });

/** Calls before the shortest lease is over that may be configured, and when nothing is heard of the keeper. */
const notKeptAlarm = (unit: NightshiftFunction, { config, pageTopic }: Deployment) =>
  silenceAlarm(unit, 'NotKeptAlarm', {
    alarmName: functionNameOf(config.name, 'authority-not-kept'),
    alarmDescription: `P1. Nightshift ${config.name} didn't renew the authority of a primary database to take writes, or can't hold it to that: it stops taking writes when its lease is over, and a failover waits for a person (docs/recovery.md, Fencing by itself). The log of keep-authority says why.`,
    namespace: NAMESPACE,
    metricName: 'AuthorityKept',
    dimensions: [{ name: 'Deployment', value: config.name }],
    statistic: 'Minimum',
    period: 60,
    evaluationPeriods: 3,
    datapointsToAlarm: 2,
    pageTopic,
  });
