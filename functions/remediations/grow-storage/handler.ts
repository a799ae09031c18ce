/** The AWS side of `grow-storage`. */
import { lookAt } from '../../databases/look.ts';
import { modifyNow } from '../../databases/modify.ts';
import { databaseOf, noUpstreams } from '../../databases/target.ts';
import type { DatabaseConfig } from '../../engine/config.ts';
import { remediationHandler } from '../../engine/handler.ts';
import type { Remediation } from '../../engine/remediation.ts';
import { alreadyApplied, decide, gibOf, type Observation, RESTS_FOR_MINUTES, verify } from './decide.ts';
import { examine } from './examine.ts';
import { manifest } from './manifest.ts';

export const remediation: Remediation<DatabaseConfig, Observation> = {
  manifest,
  targetOf: databaseOf,
  upstreamsOf: noUpstreams,
  observe: (target) => lookAt(target, RESTS_FOR_MINUTES, ['configuration change']),
  decide,
  act(target, change) {
    const after = gibOf(change, 'after');
    return modifyNow(target, {
      what: `grow the storage of DB instance ${target.name} to ${after} GiB`,
      before: gibOf(change, 'before'),
      after,
      present: ({ storageGib }) => storageGib,
      unit: ' GiB',
      set: { AllocatedStorage: after },
    });
  },
  alreadyApplied,
  verify,
  examine,
};

export const handler = remediationHandler(remediation);
