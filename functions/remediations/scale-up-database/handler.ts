/** The AWS side of `scale-up-database`. */
import { lookAt } from '../../databases/look.ts';
import { modifyNow } from '../../databases/modify.ts';
import { databaseOf, noUpstreams } from '../../databases/target.ts';
import type { DatabaseConfig } from '../../engine/config.ts';
import { remediationHandler } from '../../engine/handler.ts';
import type { Remediation } from '../../engine/remediation.ts';
import {
  alreadyApplied,
  classOf,
  costPerHourUsd,
  decide,
  type Observation,
  SETTLING_MINUTES,
  verify,
} from './decide.ts';
import { examine } from './examine.ts';
import { manifest } from './manifest.ts';

export const remediation: Remediation<DatabaseConfig, Observation> = {
  manifest,
  targetOf: databaseOf,
  upstreamsOf: noUpstreams,
  observe: (target) => lookAt(target, SETTLING_MINUTES, ['configuration change']),
  decide,
  act(target, change) {
    const after = classOf(change, 'after');
    return modifyNow(target, {
      what: `change the class of DB instance ${target.name} to ${after}`,
      before: classOf(change, 'before'),
      after,
      present: ({ instanceClass }) => instanceClass,
      set: { DBInstanceClass: after },
    });
  },
  alreadyApplied,
  costPerHourUsd,
  verify,
  examine,
};

export const handler = remediationHandler(remediation);
