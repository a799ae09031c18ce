import {
  ListSecretsCommand,
  ListSecretVersionIdsCommand,
  type SecretListEntry,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { DescribeParametersCommand, type ParameterMetadata, SSMClient } from '@aws-sdk/client-ssm';
import { clientDefaults } from '../../engine/clients.ts';
import type { SecretChecks } from '../../engine/config.ts';
import { ActionFailedError, classifyAwsError } from '../../engine/errors.ts';
import { type Finding, verdictOf } from '../findings.ts';
import { jobHandler } from '../handler.ts';
import type { Job, JobContext, Step } from '../job.ts';
import { EXPIRES_TAG, findingsOf, isIgnored, type SecretSeen } from './decide.ts';
import { manifest } from './manifest.ts';

const secretsManager = new SecretsManagerClient(clientDefaults());
const ssm = new SSMClient(clientDefaults());

/** One page a turn: secrets first, then secure parameters. */
export interface State {
  readonly [key: string]: string | number | Finding[] | null;
  readonly stage: 'secrets' | 'parameters';
  /** Where the next page begins; null at the first. */
  readonly token: string | null;
  readonly passed: number;
  /** What didn't pass. */
  readonly findings: Finding[];
}

interface Page {
  readonly seen: readonly SecretSeen[];
  readonly next: string | undefined;
}

/** Beyond that nobody reads on, and the run's item would outgrow DynamoDB's limit of 400 kB. */
const FINDINGS_MOST = 500;

export const job: Job<State> = {
  manifest,
  begin: () => ({ stage: 'secrets', token: null, passed: 0, findings: [] }),
  async step(context, state) {
    const checks = checksOf(context);
    const page = state.stage === 'secrets' ? await secretsPage(state, checks, context) : await parametersPage(state);
    const found = page.seen
      .filter(({ name }) => !isIgnored(name, checks))
      .flatMap((secret) => findingsOf(secret, checks, context.now()));
    const bad = found.filter(({ result }) => result !== 'passed');
    return afterPage(
      { ...state, passed: state.passed + found.length - bad.length, findings: [...state.findings, ...bad] },
      page.next,
    );
  },
};

/** Pure: what comes after a page. */
export function afterPage(state: State, next: string | undefined): Step<State> {
  const goOn = (more: Pick<State, 'stage' | 'token'>, note: string): Step<State> => ({
    kind: 'wait',
    seconds: 1,
    state: { ...state, ...more },
    note,
  });
  if (state.findings.length > FINDINGS_MOST) {
    const rest: Finding = {
      check: 'secret-age',
      subject: 'the rest',
      result: 'unknown',
      says: `not looked at after ${FINDINGS_MOST} findings`,
    };
    return { kind: 'verdict', state, verdict: verdictOf([...state.findings, rest], state.passed) };
  }
  if (next !== undefined) return goOn({ stage: state.stage, token: next }, `there are more ${state.stage}`);
  if (state.stage === 'secrets') return goOn({ stage: 'parameters', token: null }, 'parameters are next');
  return { kind: 'verdict', state, verdict: verdictOf(state.findings, state.passed) };
}

function checksOf({ config }: JobContext): SecretChecks {
  if (!config.checks) throw new ActionFailedError('checks: not in the configuration any more');
  return config.checks.secrets;
}

/** So many of a page's secrets are asked about one after the other within one turn's 60 seconds, three seconds each at worst. */
const PAGE_SIZE = 15;

async function secretsPage({ token }: State, checks: SecretChecks, { now }: JobContext): Promise<Page> {
  try {
    const { SecretList = [], NextToken } = await secretsManager.send(
      new ListSecretsCommand({ MaxResults: PAGE_SIZE, ...(token !== null && { NextToken: token }) }),
    );
    const seen: SecretSeen[] = [];
    for (const entry of SecretList) seen.push(await secretSeen(entry, checks, now()));
    return { seen, next: NextToken };
  } catch (error) {
    throw classifyAwsError('list the secrets', error);
  }
}

/**
 * `LastChangedDate` moves with every change, also of a tag ("SecretListEntry", AWS Secrets Manager API Reference): where it is old, so is the value;
 * otherwise the version labelled AWSCURRENT tells.
 */
async function secretSeen(entry: SecretListEntry, { olderThanDays }: SecretChecks, now: number): Promise<SecretSeen> {
  const { ARN = '', Name = ARN, Tags = [], LastChangedDate, CreatedDate } = entry;
  const changedAt = (LastChangedDate ?? CreatedDate)?.getTime();
  const expiresAt = Tags.find(({ Key }) => Key === EXPIRES_TAG)?.Value;
  const isOld = changedAt !== undefined && now - changedAt > (olderThanDays + 1) * 86_400_000;
  return { name: Name, setAt: isOld ? changedAt : await currentSince(ARN), expiresAt };
}

async function currentSince(secretId: string): Promise<number | undefined> {
  const { Versions = [] } = await secretsManager.send(new ListSecretVersionIdsCommand({ SecretId: secretId }));
  return Versions.find(({ VersionStages = [] }) => VersionStages.includes('AWSCURRENT'))?.CreatedDate?.getTime();
}

async function parametersPage({ token }: State): Promise<Page> {
  try {
    const { Parameters = [], NextToken } = await ssm.send(
      new DescribeParametersCommand({
        ParameterFilters: [{ Key: 'Type', Option: 'Equals', Values: ['SecureString'] }],
        MaxResults: 50,
        ...(token !== null && { NextToken: token }),
      }),
    );
    return { seen: Parameters.map(parameterSeen), next: NextToken };
  } catch (error) {
    throw classifyAwsError('list the secure parameters', error);
  }
}

/** A parameter's end is its policy of type Expiration ("Assigning parameter policies in Parameter Store", AWS Systems Manager User Guide). */
export function parameterSeen({ Name = '', LastModifiedDate, Policies = [] }: ParameterMetadata): SecretSeen {
  const text = Policies.find(({ PolicyType }) => PolicyType === 'Expiration')?.PolicyText;
  return { name: Name, setAt: LastModifiedDate?.getTime(), expiresAt: text === undefined ? undefined : endIn(text) };
}

/** What can't be read is told as it is, and then is no date. */
function endIn(policyText: string): string {
  try {
    const policy = JSON.parse(policyText) as { readonly Attributes?: { readonly Timestamp?: string } };
    return policy.Attributes?.Timestamp ?? 'unreadable';
  } catch {
    return 'unreadable';
  }
}

export const handler = jobHandler(job);
