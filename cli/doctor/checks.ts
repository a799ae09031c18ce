/** The checks of `nightshift doctor`. None of them changes anything. */
import type { MetricAlarm } from '@aws-sdk/client-cloudwatch';
import type { Check } from '../../events/published/doctor.ts';
import { EngineError } from '../../functions/engine/errors.ts';
import type { SwitchItem } from '../../functions/engine/items.ts';
import { ROUTE53_METRICS_REGION } from '../../infra/config/endpoints.ts';
import { type Deployment, type ProtectedTarget, protectedTargets } from '../deployment.ts';
import type { Failures } from '../failures.ts';
import type { Place } from '../place.ts';
import type { AnyRemediation } from '../remediations.ts';
import { judgeAlarms, judgeWithoutMetric, wantedAlarms, watches } from './alarms.ts';
import type { Aws } from './aws.ts';
import { checkConcurrency, checkFollowThrough, checkSecrets, partitionOf } from './deployed.ts';
import { checkScalers, judgeOtherDeployments } from './scalers.ts';
import { checkFollowers, checkOwnAlarms, checkSigns } from './self-watch.ts';

export interface Around {
  readonly place: Place;
  readonly deployment: Deployment;
  readonly aws: Aws;
  readonly failures: Pick<Failures, 'queues'>;
  readonly readSwitch: () => Promise<SwitchItem>;
  readonly loadRemediation: (name: string) => Promise<AnyRemediation | undefined>;
  readonly now: () => number;
}

type Checks = (around: Around) => Promise<Check[]>;
const ALL: Readonly<Record<string, Checks>> = {
  switch: checkSwitch,
  database: checkInstances,
  targets: checkTargets,
  permissions: checkRoles,
  alarms: checkAlarms,
  scalers: checkScalers,
  'page-topic': checkPageTopic,
  'failure-queue': checkFailureQueues,
  reconciler: checkReconciler,
  'self-watch': checkOwnAlarms,
  signs: checkSigns,
  publisher: checkFollowers,
  'follow-through': checkFollowThrough,
  concurrency: checkConcurrency,
  secrets: checkSecrets,
};

/** Runs every check. One that can't be made is wrong: what can't be seen must not look healthy. */
export async function examineAll(around: Around): Promise<Check[]> {
  const results = await Promise.all(
    Object.entries(ALL).map(async ([check, look]): Promise<Check[]> => {
      try {
        return await look(around);
      } catch (error) {
        const why = whyOf(error);
        return [wrong(check, around.deployment.name, `could not be checked: ${why}`, 'mend that and run doctor again')];
      }
    }),
  );
  return results.flat();
}

/** Errors of the engine name what was being done and AWS's own word for it; others are told with their kind. */
function whyOf(error: unknown): string {
  if (error instanceof EngineError) return error.message;
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

const ok = (check: string, subject: string, what: string): Check => ({ check, subject, verdict: 'ok', what });
const wrong = (check: string, subject: string, what: string, todo: string): Check => ({
  check,
  subject,
  verdict: 'wrong',
  what,
  todo,
});

async function checkSwitch({ deployment, readSwitch }: Around): Promise<Check[]> {
  const { state, by, reason, at } = await readSwitch();
  if (state === 'run') return [ok('switch', deployment.name, 'changes are allowed')];
  const what = `set to ${state} by ${by} at ${at}: ${reason}`;
  return [wrong('switch', deployment.name, what, 'allow changes again with "nightshift resume"')];
}

async function checkInstances({ deployment, aws }: Around): Promise<Check[]> {
  return Promise.all(
    Object.values(deployment.config.databases).map(async ({ name }): Promise<Check> => {
      const instance = await aws.instance(name);
      if (!instance)
        return wrong(
          'database',
          name,
          'there is no such RDS instance',
          'create it, or correct its key in the configuration',
        );
      if (instance.IAMDatabaseAuthenticationEnabled !== true)
        return wrong(
          'database',
          name,
          'IAM database authentication is off',
          'enable it on the instance: Nightshift has no password',
        );
      return ok('database', name, `exists, is ${instance.DBInstanceStatus}, with IAM authentication`);
    }),
  );
}

/** Each remediation looks at its own targets, by its own reading calls and with the caller's credentials. */
async function checkTargets(around: Around): Promise<Check[]> {
  const pairs = pairsOf(around.deployment);
  return (await Promise.all(pairs.map(({ name, target }) => checkTarget(around, name, target)))).flat();
}

const pairsOf = ({ config, manifests }: Deployment) =>
  manifests.flatMap((manifest) =>
    protectedTargets(config)
      .filter(({ kind }) => kind === manifest.targetKind)
      .map((target) => ({ name: manifest.name, target })),
  );

/** So many functions are asked at once: each may have to start first, and the account's concurrency is for alarms. */
const ASKED_AT_ONCE = 4;

/** Each deployed function looks at its own targets, with its own role, network and login: a role that was stripped or bounded since the deployment is found before the night. */
async function checkRoles({ deployment, aws }: Around): Promise<Check[]> {
  const left = pairsOf(deployment).filter(({ name }) => deployment.config.runbooks[name]?.mode !== 'off');
  const found: Check[] = [];
  const ask = async (): Promise<void> => {
    for (let next = left.shift(); next; next = left.shift()) {
      const functionName = `nightshift-${deployment.name}-${next.name}`;
      const why = await aws.lookBy(functionName, next.target.key).catch(whyOf);
      const subject = `${functionName} at ${next.target.key}`;
      found.push(
        why === undefined
          ? ok('permissions', subject, 'it can look, with its own role')
          : wrong(
              'permissions',
              subject,
              `it can not look: ${why}`,
              'mend its role, network or login, or deploy again',
            ),
      );
    }
  };
  await Promise.all(Array.from({ length: ASKED_AT_ONCE }, ask));
  return found.sort((a, b) => a.subject.localeCompare(b.subject));
}

async function checkTarget(
  { deployment, loadRemediation }: Around,
  name: string,
  { key }: ProtectedTarget,
): Promise<Check[]> {
  const { config } = deployment;
  const mode = config.runbooks[name]?.mode;
  if (mode === 'off') return [{ check: name, subject: key, verdict: 'ok', what: 'its mode is off' }];
  try {
    const remediation = await loadRemediation(name);
    const target = remediation?.targetOf(key, config);
    if (!remediation || !target)
      return [wrong(name, key, 'this checkout does not know it', 'use the version that was deployed')];
    const observation = await remediation.observe(target, config);
    const findings = remediation.examine?.(target, observation) ?? [];
    return findings.map((finding) => ({ check: name, subject: key, ...finding }));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return [wrong(name, key, `could not be looked at: ${why}`, 'mend that and run doctor again')];
  }
}

export async function checkAlarms({ place, deployment, aws }: Around): Promise<Check[]> {
  const wanted = wantedAlarms(deployment);
  const isWanted = (alarm: MetricAlarm) => wanted.some((each) => watches(alarm, each));
  // Route 53's metrics, and so alarms on them, are in one region only.
  const hasEndpoints = Object.keys(deployment.config.endpoints).length > 0;
  const regions = new Set([place.region, ...(hasEndpoints ? [ROUTE53_METRICS_REGION] : [])]);
  // What else is watched there is about other things of the same names.
  const isOurs = (alarm: MetricAlarm, region: string) => region === place.region || alarm.Namespace === 'AWS/Route53';
  const found = [...regions].map((region) => aws.alarms((alarm) => isOurs(alarm, region) && isWanted(alarm), region));
  const alarms = (await Promise.all(found)).flat();
  const judged = wanted.flatMap((each) => {
    const watching = alarms.filter(({ alarm }) => watches(alarm, each));
    return [...judgeAlarms(each, watching, deployment.name), ...judgeOtherDeployments(each, watching, deployment.name)];
  });
  return [...judged, ...judgeWithoutMetric(await aws.alarmsWithoutMetric(), deployment)];
}

async function checkPageTopic({ place, deployment, aws }: Around): Promise<Check[]> {
  const { region, account } = place;
  const regions = [region, deployment.config.standbyRegion];
  return Promise.all(
    regions.map((each) =>
      checkTopic(aws, `arn:${partitionOf(each)}:sns:${each}:${account}:nightshift-${deployment.name}-pages`),
    ),
  );
}

async function checkTopic(aws: Aws, topic: string): Promise<Check> {
  const subscriptions = await aws.subscriptions(topic);
  // "ListSubscriptionsByTopic", Amazon SNS API Reference: an unconfirmed subscription has no ARN but the word PendingConfirmation.
  const confirmed = subscriptions.filter(({ SubscriptionArn }) => SubscriptionArn?.startsWith('arn:'));
  if (confirmed.length > 0)
    return ok('page-topic', topic, `${confirmed.length} of ${subscriptions.length} subscriptions are confirmed`);
  const what = subscriptions.length > 0 ? 'no subscription is confirmed' : 'nobody has subscribed to it';
  return wrong(
    'page-topic',
    topic,
    `${what}: no page reaches a person`,
    'subscribe somebody (contacts.pageEmails), who must confirm',
  );
}

/** The reconciler was told of every failure queue when it was deployed (infra/constructs/self-watch.ts). */
async function checkFailureQueues({ deployment, aws, failures }: Around): Promise<Check[]> {
  const prefix = `nightshift-${deployment.name}-`;
  const [queues, environment] = await Promise.all([failures.queues(), aws.environment(`${prefix}reconciler`)]);
  const urls = JSON.parse(environment.NIGHTSHIFT_FAILURE_QUEUES ?? '[]') as string[];
  if (urls.length === 0)
    return [wrong('failure-queue', deployment.name, 'the reconciler knows of no failure queue', 'deploy again')];
  const missing = urls
    .map((url) => url.slice(url.lastIndexOf('/') + 1 + prefix.length, -'-failures'.length))
    .filter((unit) => !queues.some((queue) => queue.unit === unit));
  return [
    ...queues.map(({ unit, messages }) =>
      messages === 0
        ? ok('failure-queue', unit, 'empty')
        : wrong(
            'failure-queue',
            unit,
            `about ${messages} events were given up on`,
            `see "nightshift dlq show ${unit}", then "nightshift dlq redrive ${unit}"`,
          ),
    ),
    ...missing.map((unit) => wrong('failure-queue', unit, 'there is no such queue', 'deploy again')),
  ];
}

/** CloudWatch needs a minute or two to show a function's metrics. */
const LEAST_LOOK_BACK_SECONDS = 600;

async function checkReconciler({ deployment, aws, now }: Around): Promise<Check[]> {
  const functionName = `nightshift-${deployment.name}-reconciler`;
  const seconds = Math.max(LEAST_LOOK_BACK_SECONDS, 3 * deployment.config.reconcileEverySeconds);
  const since = new Date(now() - seconds * 1000);
  const [runs, errors] = await Promise.all([
    aws.sumOf(functionName, 'Invocations', since),
    aws.sumOf(functionName, 'Errors', since),
  ]);
  const span = `in the last ${seconds / 60} minutes`;
  if (runs === 0)
    return [
      wrong(
        'reconciler',
        functionName,
        `it did not run ${span}: what is held is not looked at again`,
        'look at its schedule and its log',
      ),
    ];
  if (errors >= runs)
    return [wrong('reconciler', functionName, `all of its ${runs} runs ${span} failed`, 'look at its log')];
  return [ok('reconciler', functionName, `ran ${runs} times ${span}, ${errors} failed`)];
}
