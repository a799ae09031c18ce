/** Whether a snapshot is copied to the standby region, and what came of it. Pure. */
import type { CopiedSnapshot } from '../../databases/copied-snapshot.ts';
import type { KeptSnapshot } from '../../databases/snapshot-id.ts';
import type { Change, DecideInput, Decision, Verification } from '../../engine/remediation.ts';

export interface Seen {
  readonly kind: 'snapshot';
  readonly snapshot: KeptSnapshot;
  /** What has its name in the standby region. */
  readonly copy: KeptSnapshot | undefined;
}
/** The original is gone; its copy may be there all the same. */
export interface Missing {
  readonly kind: 'missing';
  readonly why: string;
  readonly copy?: KeptSnapshot | undefined;
}
export type Observation = Missing | Seen;

const RECHECK_SECONDS = 60;
/** After one that failed: RDS says why in its events, and a person reads them. */
const STOP_AFTER_FAILURE_SECONDS = 3_600;

/** What is recorded: what is copied where, and whose data it has, by which `prune-backups` knows it. */
export interface Wanted {
  readonly region: string;
  readonly sourceArn: string;
  readonly kmsKeyArn: string | null;
  readonly deployment: string;
  readonly instanceResourceId: string | null;
}
export const wantedOf = ({ after }: Change): Wanted => after as unknown as Wanted;

const callPerson = (reason: string): Decision => ({ kind: 'escalate', reason, recheckAfterSeconds: RECHECK_SECONDS });
const fine = (reason: string): Decision => ({ kind: 'fine', reason });

export function decide({ target, observation, config }: DecideInput<CopiedSnapshot, Observation>): Decision {
  // Whoever deleted it doesn't want its copy either.
  if (observation.kind === 'missing') return fine(observation.why);
  const { snapshot, copy } = observation;
  const { name, kmsKeyArn } = target;
  const region = config.standbyRegion;
  if (snapshot.copyOf !== undefined) return fine(`${name} is itself a copy, of ${snapshot.copyOf}`);
  // Two deployments may come to one name (`prod` of `eu-orders`, `prod-eu` of `orders`): a copy with the wrong one's tags would be pruned by neither.
  if (snapshot.madeBy !== config.name)
    return fine(`${name} was not made by ${config.name}, but by ${snapshot.madeBy ?? 'somebody else'}`);
  if (snapshot.status === 'creating')
    return {
      kind: 'hold',
      reason: 'change-under-way',
      detail: `the snapshot ${name} is being made (${snapshot.progressPercent} %)`,
      recheckAfterSeconds: RECHECK_SECONDS,
    };
  // Whoever had it taken is told by the remediation that took it.
  if (snapshot.status !== 'available') return fine(`${name} is ${snapshot.status}: there is nothing to copy`);
  if (copy) return judgeCopy(observation.snapshot, copy, target, region);
  if (snapshot.encrypted && kmsKeyArn === undefined)
    return callPerson(
      `${name} can't be copied to ${region}: it is encrypted, and backup.copy.kmsKeyArn names no key there`,
    );
  if (snapshot.arn === undefined) return callPerson(`${name} can't be copied to ${region}: RDS names no ARN of it`);
  return {
    kind: 'act',
    change: {
      summary: `copy the snapshot ${name} of ${target.database} to ${region}`,
      before: { copy: null },
      after: {
        ...{ region, sourceArn: snapshot.arn, kmsKeyArn: kmsKeyArn ?? null, deployment: config.name },
        instanceResourceId: snapshot.instanceResourceId ?? null,
      } satisfies Wanted,
      undo: `delete the copy ${name} in ${region}`,
    },
  };
}

function judgeCopy(
  { arn }: KeptSnapshot,
  copy: KeptSnapshot,
  { name, kmsKeyArn }: CopiedSnapshot,
  region: string,
): Decision {
  if (copy.copyOf !== arn)
    return callPerson(`the snapshot ${name} in ${region} is not a copy of it, but of ${copy.copyOf ?? 'none'}`);
  if (copy.status === 'failed') return callPerson(`the copy of ${name} in ${region} failed`);
  if (copy.status === 'available' && kmsKeyArn !== undefined && !copy.encrypted)
    return callPerson(`the copy of ${name} in ${region} isn't encrypted`);
  if (copy.status !== 'available')
    return {
      ...{ kind: 'hold', reason: 'change-under-way', recheckAfterSeconds: RECHECK_SECONDS },
      detail: `${name} is being copied to ${region} (${copy.status}, ${copy.progressPercent} %)`,
    };
  return fine(`its copy is in ${region}`);
}

export function alreadyApplied(change: Change, observation: Observation): 'yes' | 'no' | 'unclear' {
  if (!observation.copy) return observation.kind === 'missing' ? 'unclear' : 'no';
  return observation.copy.copyOf === wantedOf(change).sourceArn ? 'yes' : 'unclear';
}

export function verify({
  target: { name },
  change,
  observation,
}: {
  target: CopiedSnapshot;
  change: Change;
  observation: Observation;
}): Verification {
  const { region, sourceArn, kmsKeyArn } = wantedOf(change);
  const { copy } = observation;
  if (!copy) {
    const why = observation.kind === 'missing' ? `, and ${observation.why}` : '';
    return { kind: 'not-yet', detail: `there is no copy of ${name} in ${region}${why}` };
  }
  const bad = (detail: string): Verification => ({ kind: 'bad', detail, stopForSeconds: STOP_AFTER_FAILURE_SECONDS });
  if (copy.copyOf !== sourceArn) return bad(`the snapshot ${name} in ${region} is a copy of ${copy.copyOf ?? 'none'}`);
  if (copy.status === 'failed') return bad(`the copy of ${name} in ${region} failed`);
  if (copy.status !== 'available')
    return { kind: 'not-yet', detail: `${name} is copied to ${region} (${copy.status}, ${copy.progressPercent} %)` };
  if (kmsKeyArn !== null && !copy.encrypted) return bad(`the copy of ${name} in ${region} isn't encrypted`);
  return { kind: 'good', detail: `the copy of ${name} in ${region} is available` };
}
