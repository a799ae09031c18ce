/**
 * Why an ECS service is in trouble, by what ECS says of it. Pure. The texts are AWS's ("Amazon ECS stopped tasks error messages", "Viewing Amazon ECS
 * service event messages", "CannotPullContainer task errors in Amazon ECS", "Amazon ECS service unhealthy event messages").
 */
import type { Finding, ServiceSeen, StoppedTask } from './types.ts';

/** From what keeps tasks from starting at all to what they die of, then what only goes along with it. */
export function diagnoseService(seen: ServiceSeen): Finding[] {
  const found = [imagePull, initialisation, placement, containerStart, memory, crashes, health].flatMap((rule) =>
    rule(seen),
  );
  return [...found, ...deployments(seen), ...counts(seen, found.length > 0)];
}

/** What ECS says of one stopped task: of the task, then of its containers. */
const wordsOf = ({ reason, containers }: StoppedTask): string[] => [
  reason,
  ...containers.flatMap((container) => container.reason ?? []),
];
const saying = (seen: ServiceSeen, pattern: RegExp): string[] =>
  seen.stopped.flatMap((task) => wordsOf(task).filter((words) => pattern.test(words)));

const PULL = /CannotPull\w*Error/;
/** The first that fits; each says what a person can do about it. */
const PULL_REASONS: readonly (readonly [RegExp, string])[] = [
  [/toomanyrequests|rate limit/i, 'its registry limits how often it may be pulled'],
  [
    /not found|manifest unknown|does not exist|unknown manifest|no such (?:image|manifest)/i,
    'it is not in its registry: look at the tag or digest, and at the registry’s lifecycle rules',
  ],
  [
    /denied|unauthori[sz]ed|no basic auth|AccessDenied|forbidden|\b40[13]\b|not authorized/i,
    'the registry refuses it: look at the task execution role and the registry’s policy',
  ],
  [/no space left/i, 'the disk of the task is full'],
  [
    /timeout|timed out|deadline|dial tcp|connection (?:refused|reset)|no such host|network is unreachable/i,
    'its registry can’t be reached: look at the subnet’s routes, endpoints and security groups',
  ],
  [/platform|architecture|exec format/i, 'it was built for another CPU architecture'],
];

function imagePull(seen: ServiceSeen): Finding[] {
  const task = seen.stopped.find((each) => wordsOf(each).some((words) => PULL.test(words)));
  if (!task) return [];
  const evidence = saying(seen, PULL);
  const images = task.containers.filter(({ reason }) => reason !== undefined && PULL.test(reason));
  const image = (images.length > 0 ? images : task.containers)[0]?.image ?? 'its image';
  const why = PULL_REASONS.find(([pattern]) => pattern.test(evidence[0] ?? ''))?.[1] ?? 'ECS says why';
  return [{ cause: `Tasks of ${seen.name} don't start because ${image} can't be pulled: ${why}.`, evidence }];
}

const INITIALISATION = /ResourceInitializationError/;

function initialisation(seen: ServiceSeen): Finding[] {
  const evidence = saying(seen, INITIALISATION);
  const [first = ''] = evidence;
  if (first === '') return [];
  const why = /secret|parameter|ssm/i.test(first)
    ? 'a secret or parameter that they need can’t be read: look at the task execution role and whether it exists'
    : /registry auth/i.test(first)
      ? 'they can’t log in to the registry: look at the task execution role and the way to ECR'
      : /logging driver|log/i.test(first)
        ? 'their log can’t be opened: look at the log group and the task execution role'
        : 'what they need beside their image can’t be prepared';
  return [{ cause: `Tasks of ${seen.name} don't start because ${why}.`, evidence }];
}

const PLACEMENT =
  /unable to place a task|Capacity is unavailable|reached the limit on the number of|RESOURCE:|unable to create or update.*network interface/i;
const PLACEMENT_REASONS: readonly (readonly [RegExp, string])[] = [
  [/no container instances? (?:were|was) found/i, 'the cluster has no machine'],
  [/insufficient memory|enough memory|RESOURCE:MEMORY/i, 'no machine has memory enough left'],
  [/insufficient CPU|enough CPU|RESOURCE:CPU/i, 'no machine has CPU enough left'],
  [/already using a port|RESOURCE:PORTS/i, 'its port is taken on every machine'],
  [/Capacity is unavailable/i, 'AWS has no capacity of that kind at this time: another zone or size may help'],
  [/reached the limit/i, 'the account has reached its limit of tasks or vCPUs'],
  [/attribute/i, 'no machine has what its placement asks for'],
  [/network interface/i, 'no network interface can be made: look at the free addresses of the subnets'],
];

function placement(seen: ServiceSeen): Finding[] {
  const evidence = [
    ...seen.events.filter(({ message }) => PLACEMENT.test(message)).map(({ message }) => message),
    ...saying(seen, PLACEMENT),
  ];
  const [first] = evidence;
  if (first === undefined) return [];
  const why = PLACEMENT_REASONS.find(([pattern]) => pattern.test(first))?.[1] ?? 'ECS finds no place for them';
  return [{ cause: `Tasks of ${seen.name} aren't placed: ${why}.`, evidence }];
}

const START =
  /CannotStartContainerError|CannotCreateContainerError|CannotCreateVolumeError|ContainerRuntimeTimeoutError|DockerTimeoutError/;

function containerStart(seen: ServiceSeen): Finding[] {
  const evidence = saying(seen, START);
  return evidence.length === 0
    ? []
    : [{ cause: `Containers of ${seen.name} can't be started: look at command, entry point and volumes.`, evidence }];
}

const MEMORY = /OutOfMemory/;

function memory(seen: ServiceSeen): Finding[] {
  const evidence = saying(seen, MEMORY);
  const times = seen.stopped.filter((task) => wordsOf(task).some((words) => MEMORY.test(words))).length;
  if (times === 0) return [];
  return [
    { cause: `Tasks of ${seen.name} are killed for want of memory: ${many(times, 'task')} within the hour.`, evidence },
  ];
}

/** "Understanding exit codes": beyond 128 a signal ended it, of which 137 is SIGKILL and 143 SIGTERM. */
const EXIT_CODES: Readonly<Record<number, string>> = {
  1: 'its own error',
  126: 'its command may not be executed',
  127: 'its command is not there',
  134: 'it aborted',
  137: 'it was killed',
  139: 'it touched memory that it may not',
};

/** Ended by itself, for another reason than memory. */
function crashes(seen: ServiceSeen): Finding[] {
  const ended = seen.stopped.filter(
    (task) =>
      (task.stopCode === 'EssentialContainerExited' || /Essential container in task exited/i.test(task.reason)) &&
      !wordsOf(task).some((words) => MEMORY.test(words)),
  );
  const [last] = ended;
  if (!last) return [];
  const container =
    last.containers.find(({ exitCode }) => exitCode !== undefined && exitCode !== 0) ?? last.containers[0];
  const code = container?.exitCode;
  const what =
    code === undefined ? '' : `, the last with exit code ${code}${EXIT_CODES[code] ? ` (${EXIT_CODES[code]})` : ''}`;
  return [
    {
      cause: `Tasks of ${seen.name} end by themselves: ${many(ended.length, 'task')} within the hour${what}. Their log says why.`,
      evidence: ended.flatMap(wordsOf),
    },
  ];
}

const UNHEALTHY =
  /is unhealthy in|failed (?:ELB|container|Elastic Load Balancing) health checks|failed to report health/i;

/** What the load balancer, or the container's own check, says of its tasks; and that nobody is left to answer. */
function health(seen: ServiceSeen): Finding[] {
  const evidence = [
    ...seen.events.filter(({ message }) => UNHEALTHY.test(message)).map(({ message }) => message),
    ...saying(seen, UNHEALTHY),
  ];
  const nobody = seen.healthyTargets === 0 ? [`its load balancer finds no healthy target`] : [];
  if (evidence.length === 0 && (nobody.length === 0 || seen.desired === 0)) return [];
  const why = /due to \(reason ([^)]*)\)/.exec(evidence[0] ?? '')?.[1];
  const told = why ? `: ${why}` : '';
  const cause =
    nobody.length > 0
      ? `Nobody can reach ${seen.name}: its load balancer finds no healthy target${told}.`
      : `Tasks of ${seen.name} fail their health checks${told}.`;
  return [{ cause, evidence: [...evidence, ...nobody] }];
}

function deployments({ name, deployments: all }: ServiceSeen): Finding[] {
  const failed = all.find(({ rolloutState }) => rolloutState === 'FAILED');
  const primary = all.find((each) => each.primary);
  if (failed)
    return [
      { cause: `A deployment of ${name} failed: ${failed.revision}.`, evidence: failed.reason ? [failed.reason] : [] },
    ];
  if (primary?.rolloutState !== 'IN_PROGRESS') return [];
  const since = new Date(primary.createdAtMs).toISOString();
  const lost = primary.failedTasks > 0 ? `; ${many(primary.failedTasks, 'task')} of it failed` : '';
  return [
    {
      cause: `A deployment of ${name} is under way: ${primary.revision}, since ${since}${lost}.`,
      evidence: primary.reason ? [primary.reason] : [],
    },
  ];
}

/** Said where nothing else explains that tasks are missing. */
function counts({ name, desired, running, pending }: ServiceSeen, isExplained: boolean): Finding[] {
  if (desired === 0) return [{ cause: `${name} is scaled to zero tasks.`, evidence: [] }];
  if (isExplained || running >= desired) return [];
  const starting = pending > 0 ? `, ${pending} more are starting` : '';
  return [
    {
      cause: `Only ${running} of ${many(desired, 'task')} of ${name} run${starting}; ECS doesn't say why.`,
      evidence: [],
    },
  ];
}

const many = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;
