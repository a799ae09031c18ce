/** Whether the standby region could take over as it is. Pure. */
import type { Finding } from '../findings.ts';

/** A container's image, as a task runs it or as a task definition names it. */
export interface Image {
  readonly container: string;
  readonly image: string;
  /** Of the image that runs, or that is named by it; undefined where neither tells. */
  readonly digest: string | undefined;
}

export interface ServiceSeen {
  readonly kind: 'service';
  readonly desired: number;
  readonly running: number;
  readonly rollingOut: boolean;
  /** Of what runs, or of the task definition where nothing does. Containers that AWS adds to a task by itself aren't among them. */
  readonly images: readonly Image[];
}
export type ServiceReading = ServiceSeen | { readonly kind: 'missing'; readonly why: string };

export interface ServiceWanted {
  readonly subject: string;
  readonly standbyRegion: string;
  /** So many tasks run there all the time. */
  readonly minTasks: number;
}

/** @param most tasks that auto scaling allows there; undefined: it doesn't own the service. */
export function serviceFindings(
  { subject, standbyRegion, minTasks }: ServiceWanted,
  own: ServiceReading,
  standby: ServiceReading,
  most: number | undefined,
): Finding[] {
  const finding = (check: string, result: Finding['result'], says: string): Finding => ({
    check,
    subject,
    result,
    says,
  });
  if (standby.kind === 'missing')
    return [finding('standby-service', 'failed', `in ${standbyRegion} there is none: ${standby.why}`)];
  const { running, desired } = standby;
  const least = Math.max(minTasks, standby.rollingOut ? 0 : desired);
  const tasks = finding(
    'standby-tasks',
    running < least ? 'failed' : 'passed',
    `${running} tasks run in ${standbyRegion}; expected are ${least}`,
  );
  if (own.kind === 'missing')
    return [tasks, finding('standby-images', 'unknown', `what it would be compared with is missing: ${own.why}`)];
  const wanted = Math.max(own.desired, own.running);
  return [
    tasks,
    ...(most === undefined
      ? []
      : [
          finding(
            'standby-capacity',
            most < wanted ? 'failed' : 'passed',
            `auto scaling allows ${most} tasks in ${standbyRegion}, and ${wanted} are at work`,
          ),
        ]),
    ...registryFindings(standby.images, standbyRegion, finding),
    imagesFinding(own, standby, standbyRegion, finding),
  ];
}

type Make = (check: string, result: Finding['result'], says: string) => Finding;

/** "Amazon ECR registries": `<account>.dkr.ecr.<region>.amazonaws.com`. */
const registryRegion = (image: string): string | undefined =>
  /^\d{12}\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com/.exec(image)?.[1];

/** An image in a region's own registry can't be pulled while that region is lost. */
function registryFindings(images: readonly Image[], standbyRegion: string, finding: Make): Finding[] {
  // Once, however many tasks run it.
  const regions = new Map<string, string>();
  for (const { container, image } of images) {
    const region = registryRegion(image);
    if (region !== undefined)
      regions.set(`the image of ${container} in ${standbyRegion} is pulled from ${region}`, region);
  }
  return [...regions].map(([says, region]) =>
    finding('standby-registry', region === standbyRegion ? 'passed' : 'failed', says),
  );
}

/** The same digest is the same image, whichever registry it comes from. */
function imagesFinding(own: ServiceSeen, standby: ServiceSeen, region: string, finding: Make): Finding {
  const check = 'standby-images';
  if (own.rollingOut || standby.rollingOut)
    return finding(check, 'passed', 'a deployment is under way; the next run compares what came of it');
  const [here, there] = [byContainer(own.images), byContainer(standby.images)];
  const names = [...new Set([...here.keys(), ...there.keys()])].sort();
  const untold = names.filter((name) => here.get(name)?.has(undefined) || there.get(name)?.has(undefined));
  const differing = names.filter((name) => !untold.includes(name) && !isSame(here.get(name), there.get(name)));
  if (differing.length > 0)
    return finding(check, 'failed', `${differing.join(', ')}: another image in ${region} than the one at work`);
  if (untold.length > 0)
    return finding(check, 'unknown', `${untold.join(', ')}: no digest is known; name the image by digest`);
  return finding(check, names.length > 0 ? 'passed' : 'unknown', `${names.length} images are those at work`);
}

function byContainer(images: readonly Image[]): ReadonlyMap<string, ReadonlySet<string | undefined>> {
  const found = new Map<string, Set<string | undefined>>();
  for (const { container, digest } of images) found.set(container, (found.get(container) ?? new Set()).add(digest));
  return found;
}

const isSame = (a: ReadonlySet<unknown> | undefined, b: ReadonlySet<unknown> | undefined): boolean =>
  a !== undefined && b !== undefined && a.size === b.size && [...a].every((each) => b.has(each));

export interface InstanceSeen {
  readonly arn: string;
  readonly status: string;
  readonly engineVersion: string;
  readonly instanceClass: string;
  /** Whose replica it is: an ARN, where that is in another region. */
  readonly replicaOf: string | undefined;
}

export interface ReplicaWanted {
  readonly subject: string;
  readonly replica: string;
  readonly standbyRegion: string;
  readonly lagAboveSeconds: number;
  /** Undefined: that of its source. */
  readonly instanceClass: string | undefined;
}

/** @param lagSeconds of the newest minute that CloudWatch tells of. */
export function replicaFindings(
  { subject, replica, standbyRegion, lagAboveSeconds, instanceClass }: ReplicaWanted,
  own: InstanceSeen | undefined,
  seen: InstanceSeen | undefined,
  lagSeconds: number | undefined,
): Finding[] {
  const finding: Make = (check, result, says) => ({ check, subject, result, says });
  const where = `${replica} in ${standbyRegion}`;
  if (!seen) return [finding('standby-replica', 'failed', `${where} does not exist`)];
  if (!own)
    return [finding('standby-replica', 'unknown', `its own instance does not exist, so ${where} has no source`)];
  const isIts = seen.replicaOf === own.arn;
  const serves = seen.status === 'available';
  const state = isIts ? `is ${seen.status}` : `is a replica of ${seen.replicaOf ?? 'none'}`;
  const lag =
    lagSeconds === undefined
      ? finding('standby-lag', 'unknown', `CloudWatch doesn't tell how far ${where} is behind`)
      : lagSeconds < 0
        ? // "Monitoring read replication", Amazon RDS User Guide: -1 says that replication isn't active.
          finding('standby-lag', 'failed', `${where}: replication isn't active (ReplicaLag is ${lagSeconds})`)
        : finding(
            'standby-lag',
            lagSeconds > lagAboveSeconds ? 'failed' : 'passed',
            `${where} is ${lagSeconds.toFixed(0)} s behind; the limit is ${lagAboveSeconds} s`,
          );
  const size = instanceClass ?? own.instanceClass;
  return [
    finding('standby-replica', isIts && serves ? 'passed' : 'failed', `${where} ${state}`),
    ...(isIts ? [lag] : []),
    finding(
      'standby-version',
      seen.engineVersion === own.engineVersion ? 'passed' : 'failed',
      `${where} runs version ${seen.engineVersion}, its source ${own.engineVersion}`,
    ),
    finding(
      'standby-class',
      seen.instanceClass === size ? 'passed' : 'failed',
      `${where} is a ${seen.instanceClass}; expected is ${size}`,
    ),
  ];
}

/** @param newestAt when the data of the newest copy that is there was taken; @param now both epoch milliseconds. */
export function copyFinding(
  subject: string,
  standbyRegion: string,
  newestAt: number | undefined,
  olderThanSeconds: number,
  now: number,
): Finding {
  const about = { check: 'standby-backup', subject };
  if (newestAt === undefined)
    return { ...about, result: 'failed', says: `no copy of a backup of it is in ${standbyRegion}` };
  const hours = (ms: number) => (ms / 3_600_000).toFixed(1);
  return {
    ...about,
    result: now - newestAt > olderThanSeconds * 1000 ? 'failed' : 'passed',
    says: `the newest copy of a backup in ${standbyRegion} is ${hours(now - newestAt)} h old; the limit is ${hours(olderThanSeconds * 1000)} h`,
  };
}
