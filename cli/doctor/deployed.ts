/** Whether what was deployed can run at all: the state machine that follows incidents, the functions' share of the account, and the secrets they read. */
import type { Check } from '../../events/published/doctor.ts';
import type { Around } from './checks.ts';

type Part = Pick<Around, 'place' | 'deployment' | 'aws'>;

const nameOf = ({ deployment }: Part, unit: string): string => `nightshift-${deployment.name}-${unit}`;
const DEPLOY = 'deploy again: npx cdk deploy --all';

/** One of the deployment's functions, and the file in its code that names the secrets it reads; absent functions weren't asked for. */
const READ_SECRETS = [
  { unit: 'links', file: 'links.json' },
  { unit: 'notify', file: 'channels.json' },
  { unit: 'archiver', file: 'archive.json' },
] as const;

/** Every secret that a function of the deployment reads must exist. Its value is never read here. */
export async function checkSecrets(around: Part): Promise<Check[]> {
  const found = await Promise.all(
    READ_SECRETS.map(async ({ unit, file }) => {
      const names = secretsIn(await around.aws.assetFile(nameOf(around, unit), file));
      return Promise.all(names.map((arn) => checkSecret(around, unit, arn)));
    }),
  );
  return found.flat();
}

/** Pure: what is named by a field `...SecretArn`, wherever it lies. */
export function secretsIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const found = Object.entries(value).flatMap(([field, inner]) =>
    field.endsWith('ecretArn') && typeof inner === 'string' ? [inner] : secretsIn(inner),
  );
  return [...new Set(found)];
}

async function checkSecret({ aws }: Part, unit: string, arn: string): Promise<Check> {
  const base = { check: 'secret', subject: arn };
  const state = await aws.secret(arn);
  switch (state) {
    case 'there':
      return { ...base, verdict: 'ok', what: `exists; ${unit} reads it` };
    case 'missing':
      return {
        ...base,
        verdict: 'wrong',
        what: `does not exist, and ${unit} reads it`,
        todo: 'make it, or correct its ARN in the configuration and deploy again',
      };
    case 'being-deleted':
      return {
        ...base,
        verdict: 'wrong',
        what: `is being deleted, and ${unit} reads it`,
        todo: 'restore it (RestoreSecret)',
      };
    default:
      return state satisfies never;
  }
}

/** What a burst of alarms, or a storm of ours, may take without anybody else's functions being throttled. */
const LEAST_UNRESERVED = 50;

/**
 * Functions without a share of their own run in what the account has left; "Understanding Lambda function scaling": a new account may have as few as 10
 * concurrent executions in all, and a function with a reserved 0 never runs.
 */
export async function checkConcurrency(around: Part): Promise<Check[]> {
  const { place, deployment, aws } = around;
  const units = [...deployment.manifests.map(({ name }) => name), 'reconciler', 'publisher', 'follow-through'];
  const [account, ...reserved] = await Promise.all([
    aws.concurrency(),
    ...units.map((unit) => aws.reservedConcurrency(nameOf(around, unit))),
  ]);
  const stopped = units.filter((_, index) => reserved[index] === 0);
  const { limit, unreserved } = account;
  const subject = `${place.account} in ${place.region}`;
  const shared: Check =
    unreserved >= LEAST_UNRESERVED
      ? { check: 'concurrency', subject, verdict: 'ok', what: `${unreserved} of ${limit} executions are unreserved` }
      : {
          check: 'concurrency',
          subject,
          verdict: 'wrong',
          what: `${unreserved} of ${limit} concurrent executions are left for functions without a share of their own: Nightshift's may be throttled when they are needed`,
          todo: "ask for a higher quota (Lambda, Concurrent executions), or reserve less for others' functions",
        };
  return [
    shared,
    ...stopped.map(
      (unit): Check => ({
        check: 'concurrency',
        subject: nameOf(around, unit),
        verdict: 'wrong',
        what: 'its reserved concurrency is 0: it never runs',
        todo: 'take that away (DeleteFunctionConcurrency), or deploy again',
      }),
    ),
  ];
}

/** Who calls the next person while nobody takes an incident in hand. */
export async function checkFollowThrough(around: Part): Promise<Check[]> {
  const { place, aws } = around;
  const name = nameOf(around, 'follow-through');
  const base = { check: 'follow-through', subject: name };
  const status = await aws.machineStatus(
    `arn:${partitionOf(place.region)}:states:${place.region}:${place.account}:stateMachine:${name}`,
  );
  if (status === 'ACTIVE') return [{ ...base, verdict: 'ok', what: 'follows each open incident' }];
  const what = status === undefined ? 'there is no such state machine' : `the state machine is ${status}`;
  return [{ ...base, verdict: 'wrong', what: `${what}: open incidents call nobody else`, todo: DEPLOY }];
}

/** "Amazon Resource Names (ARNs)", AWS General Reference. */
export const partitionOf = (region: string): string =>
  region.startsWith('cn-') ? 'aws-cn' : region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
