/**
 * The secret by which services find their database, in AWS Secrets Manager. Its text is read where it is needed and kept nowhere. Which version is the current one is a label, and
 * that is moved by a real compare-and-set ("UpdateSecretVersionStage", AWS Secrets Manager API Reference: refused when the label isn't at `RemoveFromVersionId`).
 */
import { createHash } from 'node:crypto';
import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { changingClientDefaults, clientDefaults } from '../../engine/clients.ts';
import { ActionFailedError, ChangedBySomeoneElseError, classifyAwsError } from '../../engine/errors.ts';
import { type Address, isAt, pointAt, speaksOf } from './point-at.ts';
import type { Versions } from './services.ts';

const reading = new SecretsManagerClient(clientDefaults());
/** Safe to repeat: a version is made once for its token, a label that is there already stays there. */
const changing = new SecretsManagerClient(changingClientDefaults());

const CURRENT = 'AWSCURRENT';

/** The version that a run makes: the same however often it is tried. 32 to 64 characters ("PutSecretValue", ClientRequestToken). */
export const versionOfRun = (run: string): string => createHash('sha256').update(run).digest('hex').slice(0, 36);
/** A version without any label isn't told of any more, and may be deleted: this one stays until somebody removes the label. */
const labelOf = (version: string): string => `nightshift-${version}`;

/** @param own the version that the run makes. @throws EngineError */
export async function readVersions(secret: string, own: string): Promise<Versions> {
  try {
    const { VersionIdsToStages: stages = {}, LastChangedDate } = await reading.send(
      new DescribeSecretCommand({ SecretId: secret }),
    );
    const current = Object.entries(stages).find(([, labels]) => labels.includes(CURRENT))?.[0];
    return { current, isMade: own in stages, changedAt: LastChangedDate?.getTime() };
  } catch (error) {
    throw classifyAwsError('secretsmanager:DescribeSecret of the connection', error);
  }
}

async function textOf(secret: string, version: string): Promise<string> {
  try {
    const reply = await reading.send(new GetSecretValueCommand({ SecretId: secret, VersionId: version }));
    return reply.SecretString ?? '';
  } catch (error) {
    throw classifyAwsError('secretsmanager:GetSecretValue of the connection', error);
  }
}

/** Whether that version names the address, and can be pointed elsewhere as a whole. @throws EngineError */
export const names = async (secret: string, version: string | undefined, address: Address): Promise<boolean> =>
  version !== undefined && isAt(await textOf(secret, version), address);

/** Whether that version speaks of the address, in whatever form. @param other the address that it has to be told from. @throws EngineError */
export const mentions = async (
  secret: string,
  version: string | undefined,
  address: Address,
  other: Address,
): Promise<boolean> => version !== undefined && speaksOf(await textOf(secret, version), address, other);

export interface Switch {
  readonly secret: string;
  /** The versions. */
  readonly from: string;
  readonly to: string;
}

/**
 * Makes the run's version of the secret, which names the new instance, and makes it the current one. Repeated, it is the same version.
 * @throws ChangedBySomeoneElseError when another version became the current one before anything was changed; ActionFailedError when that happened later, and when the text doesn't
 * name the old instance any more, or in more places than are understood.
 */
export async function pointSecretAt(
  { secret, from, to }: Switch,
  address: { readonly old: Address; readonly new: Address; readonly instance: string },
): Promise<void> {
  const { current } = await readVersions(secret, to);
  if (current !== from && current !== to) throw changedSince(from, current);
  const text = pointAt(await textOf(secret, from), address.old, address.new, address.instance);
  if (text === undefined)
    throw new ActionFailedError(
      'the secret doesn’t name the old instance any more, or in a place that isn’t understood',
    );
  try {
    await changing.send(
      new PutSecretValueCommand({
        ...{ SecretId: secret, ClientRequestToken: to, SecretString: text, VersionStages: [labelOf(to)] },
      }),
    );
  } catch (error) {
    throw classifyAwsError('secretsmanager:PutSecretValue of the connection', error);
  }
  try {
    await makeCurrent({ secret, from, to });
  } catch (error) {
    // The version is made by now, so that this isn't a change of which nothing was done.
    if (error instanceof ChangedBySomeoneElseError) throw new ActionFailedError(error.message);
    throw error;
  }
}

const changedSince = (from: string, current: string | undefined) =>
  new ChangedBySomeoneElseError('the secret of the connection', `the current version ${from}`, current ?? 'none');

/** The version `to` becomes the current one, if `from` still is; the latter becomes AWSPREVIOUS by itself. @throws ChangedBySomeoneElseError; EngineError. */
export async function makeCurrent({ secret, from, to }: Switch): Promise<void> {
  try {
    await changing.send(
      new UpdateSecretVersionStageCommand({
        ...{ SecretId: secret, VersionStage: CURRENT, RemoveFromVersionId: from, MoveToVersionId: to },
      }),
    );
  } catch (error) {
    if (error instanceof Error && error.name === 'InvalidParameterException') {
      const { current } = await readVersions(secret, to);
      // An answer that was lost: it is as it was to be.
      if (current === to) return;
      throw changedSince(from, current);
    }
    throw classifyAwsError('secretsmanager:UpdateSecretVersionStage of the connection', error);
  }
}
