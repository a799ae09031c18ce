/** The AWS side of `roll-back-deployment`: the service's tag and its task definition. */
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { ECSClient, TagResourceCommand, UpdateServiceCommand } from '@aws-sdk/client-ecs';
import { readDefinition } from '../../ecs/definition.ts';
import { readServiceGuards } from '../../ecs/guards.ts';
import { listDeployments, withRevisions } from '../../ecs/history.ts';
import { readService } from '../../ecs/service.ts';
import { ofService } from '../../ecs/target.ts';
import { readTasks } from '../../ecs/tasks.ts';
import { primaryOf, shortName } from '../../ecs/types.ts';
import { CHANGING_CALL_BUDGET_MS, changingClientDefaults, clientDefaults } from '../../engine/clients.ts';
import type { ServiceConfig } from '../../engine/config.ts';
import { ChangedBySomeoneElseError, classifyAwsError, OutOfTimeError } from '../../engine/errors.ts';
import { remediationHandler } from '../../engine/handler.ts';
import type { ActReport, Change, RemainingMs, Remediation } from '../../engine/remediation.ts';
import {
  alreadyApplied,
  type DefinitionSeen,
  decide,
  type Observation,
  rolloutOf,
  steadyBefore,
  verify,
} from './decide.ts';
import { manifest } from './manifest.ts';
import { QUARANTINE_TAG } from './quarantine.ts';

const ecs = new ECSClient(clientDefaults());
const cloudwatch = new CloudWatchClient(clientDefaults());
const changes = new ECSClient(changingClientDefaults());
const SCHEMA_TAG = 'nightshift:schema';

async function observe(target: ServiceConfig): Promise<Observation> {
  const [service, deployments, stopped] = await Promise.all([
    readService(ecs, target),
    listDeployments(ecs, target),
    readTasks(ecs, target, 'STOPPED'),
  ]);
  if (service.kind === 'missing') return service;
  const history = await withRevisions(ecs, deployments);
  const current = primaryOf(service)?.taskDefinition;
  const wanted = [current, steadyBefore({ ...service, history })?.taskDefinition].filter((arn) => arn !== undefined);
  const ended = stopped
    .filter(({ stopCode }) => stopCode === 'EssentialContainerExited')
    .map(({ startedBy = '', stoppedAt }) => ({ deploymentId: startedBy, stoppedAtMs: stoppedAt?.getTime() ?? 0 }));
  return { ...service, history, ended, definitions: await definitionsOf(wanted) };
}

/** Their tags and whether they may be used, by ARN. @throws EngineError when one can't be read. */
export async function definitionsOf(arns: readonly string[]): Promise<Readonly<Record<string, DefinitionSeen>>> {
  const found = await Promise.all(
    arns.map(async (arn): Promise<[string, DefinitionSeen]> => {
      const { definition, tags } = await readDefinition(ecs, arn);
      const schema = tags[SCHEMA_TAG];
      return [arn, { active: definition.status === 'ACTIVE', ...(schema !== undefined && { schema }) }];
    }),
  );
  return Object.fromEntries(found);
}

/** The quarantine comes first: a rollback that was made and is resumed has made it. One re-read lies directly before the rollback. */
async function act(target: ServiceConfig, change: Change, remaining: RemainingMs): Promise<ActReport> {
  const [before, after] = [rolloutOf(change, 'before'), rolloutOf(change, 'after')];
  const { cluster, service } = target;
  const what = `set the task definition of ${cluster}/${service} to ${shortName(after.taskDefinition)}`;
  if (after.quarantine) await quarantine(await unchanged(target, before), after.quarantine);
  await unchanged(target, before);
  // What came before may have taken long; a later delivery goes on from the quarantine.
  if (remaining() < CHANGING_CALL_BUDGET_MS)
    throw new OutOfTimeError(`${what}: ${remaining()} ms left, too little to finish it`);
  try {
    await changes.send(new UpdateServiceCommand({ cluster, service, taskDefinition: after.taskDefinition }));
  } catch (error) {
    throw classifyAwsError(what, error);
  }
  const summary = `${what} (was ${shortName(before.taskDefinition)})`;
  const quarantined = after.quarantine ? `; in quarantine: ${after.quarantine}` : '';
  return { summary: summary + quarantined, data: { before: before.taskDefinition, after: after.taskDefinition } };
}

async function quarantine(resourceArn: string, value: string): Promise<void> {
  try {
    await changes.send(new TagResourceCommand({ resourceArn, tags: [{ key: QUARANTINE_TAG, value }] }));
  } catch (error) {
    throw classifyAwsError(`tag ${resourceArn} with ${QUARANTINE_TAG}`, error);
  }
}

/** @returns the service's ARN. @throws ChangedBySomeoneElseError when another deployment than the recorded one is the primary. */
async function unchanged(
  target: ServiceConfig,
  before: { taskDefinition: string; deploymentId?: string },
): Promise<string> {
  const live = await readService(ecs, target);
  const primary = live.kind === 'missing' ? undefined : primaryOf(live);
  if (live.kind !== 'missing' && primary?.id === before.deploymentId) return live.arn;
  const found = primary ? `${shortName(primary.taskDefinition)} in ${primary.id}` : 'no such service';
  const expected = `${shortName(before.taskDefinition)} in ${before.deploymentId}`;
  throw new ChangedBySomeoneElseError(`${target.cluster}/${target.service}`, expected, found);
}

export const remediation: Remediation<ServiceConfig, Observation> = {
  manifest,
  ...ofService,
  // Taking a bad deployment back adds no load to a database in trouble: it may be what ends that trouble.
  upstreamsOf: () => [],
  observe,
  decide,
  act,
  alreadyApplied,
  verify,
  readGuards: (target, config, since) => readServiceGuards(cloudwatch, target, config, since),
};

export const handler = remediationHandler(remediation);
