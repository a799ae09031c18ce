/**
 * The versions of a secret by which services find or enter their database, in AWS Secrets Manager. Its text is read where it is needed and kept nowhere. Which version is the current
 * one is a label, and that is moved by a real compare-and-set ("UpdateSecretVersionStage", AWS Secrets Manager API Reference: refused when the label isn't at `RemoveFromVersionId`).
 */
import { createHash } from 'node:crypto';
import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { changingClientDefaults, clientDefaults } from '../engine/clients.ts';
import { ChangedBySomeoneElseError, classifyAwsError } from '../engine/errors.ts';
import type { Versions } from './rolling.ts';

const reading = new SecretsManagerClient(clientDefaults());
/** Safe to repeat: a version is made once for its token, a label that is there already stays there. */
const changing = new SecretsManagerClient(changingClientDefaults());

const CURRENT = 'AWSCURRENT';

/** The version that a run makes: the same however often it is tried. 32 to 64 characters ("PutSecretValue", ClientRequestToken). */
export const versionOfRun = (run: string): string => createHash('sha256').update(run).digest('hex').slice(0, 36);
/** A version without any label isn't told of any more, and may be deleted: this one stays until the labels run short. */
const LABEL = 'nightshift-';
const labelOf = (version: string): string => `${LABEL}${version}`;
/** A secret has 20 at most ("AWS Secrets Manager quotas", staging labels attached across all versions): some are left to others. */
const MOST_LABELS = 12;

export interface StaleLabel {
  readonly version: string;
  readonly label: string;
}

/** Labels of earlier runs, when so many are there that the next one may not get its own. Pure. Those of another run that is under way aren't among them: it has the database in hand. */
export function staleLabels(stages: Readonly<Record<string, readonly string[]>>, own: string): StaleLabel[] {
  if (Object.values(stages).flat().length < MOST_LABELS) return [];
  return Object.entries(stages).flatMap(([version, labels]) =>
    version === own ? [] : labels.flatMap((label) => (label === labelOf(version) ? [{ version, label }] : [])),
  );
}

/** @param own the version that the run makes. @throws EngineError */
export async function readVersions(secret: string, own: string): Promise<Versions> {
  try {
    const {
      VersionIdsToStages: stages = {},
      LastChangedDate,
      RotationEnabled = false,
    } = await reading.send(new DescribeSecretCommand({ SecretId: secret }));
    const current = Object.entries(stages).find(([, labels]) => labels.includes(CURRENT))?.[0];
    return { current, isMade: own in stages, changedAt: LastChangedDate?.getTime(), rotatesItself: RotationEnabled };
  } catch (error) {
    throw classifyAwsError('secretsmanager:DescribeSecret of the connection', error);
  }
}

/** A version's text, and when it was made (epoch milliseconds). @throws EngineError */
export async function readVersion(
  secret: string,
  version: string,
): Promise<{ readonly text: string; readonly madeAt: number | undefined }> {
  try {
    const { SecretString: text = '', CreatedDate } = await reading.send(
      new GetSecretValueCommand({ SecretId: secret, VersionId: version }),
    );
    return { text, madeAt: CreatedDate?.getTime() };
  } catch (error) {
    throw classifyAwsError('secretsmanager:GetSecretValue of the connection', error);
  }
}

/** @throws EngineError */
export async function textOf(secret: string, version: string): Promise<string> {
  return (await readVersion(secret, version)).text;
}

export interface Switch {
  readonly secret: string;
  /** Ids of versions. */
  readonly from: string;
  readonly to: string;
}

/** Makes the version of a run, under a label of its own that nobody reads by. Repeated with the same text, it is the same version. @throws EngineError */
export async function makeVersion(secret: string, version: string, text: string): Promise<void> {
  try {
    const { VersionIdsToStages: stages = {} } = await reading.send(new DescribeSecretCommand({ SecretId: secret }));
    for (const stale of staleLabels(stages, version))
      await changing.send(
        new UpdateSecretVersionStageCommand({
          ...{ SecretId: secret, VersionStage: stale.label, RemoveFromVersionId: stale.version },
        }),
      );
    await changing.send(
      new PutSecretValueCommand({
        ...{ SecretId: secret, ClientRequestToken: version, SecretString: text, VersionStages: [labelOf(version)] },
      }),
    );
  } catch (error) {
    throw classifyAwsError('make a version of the secret of the connection', error);
  }
}

export const changedSince = (from: string, current: string | undefined) =>
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
