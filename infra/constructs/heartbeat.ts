/** The function that writes the time into databases, and the clock that starts it each minute (docs/decisions/0190). */
import type { Construct } from 'constructs';
import type { HeartbeatManifest } from '../../functions/heartbeats/manifest.ts';
import { withHeartbeat } from '../config/heartbeat.ts';
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
  });
  const name = functionNameOf(deployment.config.name, manifest.name);
  scheduleFunction(unit, {
    ...{ groupName: name, scheduleName: name, everyMinutes: manifest.everyMinutes },
    // A beat that is late tells nothing: the next is there by then. Scheduler's least is a minute.
    maximumEventAgeInSeconds: 60,
  });
  return unit;
}
