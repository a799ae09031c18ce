/**
 * Targets that are numbers, and three remediations of them: two that raise the number (absolute, temporary), and one that restarts (evidence, can't be repeated).
 * They do what a remediation has to; what is tested is the engine around them.
 */
import type { Protected, RuntimeConfig } from '../../functions/engine/config.ts';
import { ChangedBySomeoneElseError, classifyAwsError } from '../../functions/engine/errors.ts';
import type { RemediationManifest } from '../../functions/engine/manifest.ts';
import type { Change, Decision, Remediation } from '../../functions/engine/remediation.ts';
import type { Ladder } from '../../functions/engine/runbook.ts';

export const RAISE = 'raise-number';
export const RAISE_MORE = 'raise-number-more';
export const RESTART = 'restart-number';
export const REMEDIATIONS = [RAISE, RAISE_MORE, RESTART] as const;
export type RemediationName = (typeof REMEDIATIONS)[number];

export const LEAST = 2;
export const MOST = 10;
export const LOAD_RUNBOOK = 'too-small';
export const STUCK_RUNBOOK = 'stuck';

export interface NumberTarget extends Protected {
  readonly key: string;
  value: number;
  /** It is well as long as the value isn't less. */
  load: number;
  stuck: boolean;
  restarts: number;
  errorRate: number;
  isHarmed: boolean;
}

/** What is seen of a target. */
type Seen = Pick<NumberTarget, 'value' | 'load' | 'stuck' | 'restarts' | 'errorRate'>;

/** How remediations reach a target: every call may be disturbed. */
export interface TargetApi {
  read(target: NumberTarget): Promise<Seen>;
  setValue(target: NumberTarget, value: number): Promise<void>;
  restart(target: NumberTarget): Promise<void>;
}

const METRICS: Readonly<Record<string, string>> = {
  [LOAD_RUNBOOK]: 'CPUUtilization',
  [STUCK_RUNBOOK]: 'MemoryUtilization',
};
export const metricOf = (runbook: string): string => METRICS[runbook] ?? '';

const trigger = (runbook: string) => ({
  namespace: 'AWS/ECS',
  metricName: metricOf(runbook),
  dimensions: ['ClusterName', 'ServiceName'],
});

export const LADDERS: Readonly<Record<string, Ladder>> = {
  [LOAD_RUNBOOK]: {
    rungs: [RAISE, RAISE_MORE],
    startedBy: [trigger(LOAD_RUNBOOK)],
    severity: 'P1',
    guards: ['errorRate'],
  },
  [STUCK_RUNBOOK]: { rungs: [RESTART], startedBy: [trigger(STUCK_RUNBOOK)], severity: 'P1', guards: [] },
};

const manifestOf = (name: RemediationName): RemediationManifest => ({
  name,
  summary: 'Changes a number.',
  targetKind: 'ecs-service',
  triggers: [trigger(name === RESTART ? STUCK_RUNBOOK : LOAD_RUNBOOK)],
  permissions: [],
  network: 'none',
  ...(name === RESTART ? { removesCapacity: true } : { holds: ['number'] }),
  risk: 'low',
  idempotency: name === RESTART ? 'evidence' : 'absolute',
  defaults: { cooldownSeconds: 300, perTargetPerHour: 3, perRunbookPerHour: 20 },
  timeoutSeconds: 30,
  memoryMegabytes: 128,
});
const MANIFESTS = Object.fromEntries(REMEDIATIONS.map((name) => [name, manifestOf(name)]));

/** A remediation whose calls go by that API. */
export function remediationOf(
  name: RemediationName,
  targetOf: (key: string, config: RuntimeConfig) => NumberTarget | undefined,
  upstreamsOf: (target: NumberTarget) => readonly string[],
  api: TargetApi,
): Remediation<NumberTarget, Seen> {
  const base = {
    manifest: MANIFESTS[name] ?? manifestOf(name),
    targetOf,
    upstreamsOf,
    observe: (target: NumberTarget) => called('look at it', () => api.read(target)),
  };
  return name === RESTART ? { ...base, ...restarting(api) } : { ...base, ...raising(name, api) };
}

type Supplied = Omit<Remediation<NumberTarget, Seen>, 'manifest' | 'targetOf' | 'upstreamsOf' | 'observe'>;

const raising = (name: RemediationName, api: TargetApi): Supplied => ({
  decide: ({ observation: { value, load }, hold }) => raise(value, load, name === RAISE ? 1 : 3, hold?.value),
  act: async (target, change, _remaining, _config, mayGoOn) => {
    const { value } = await called('look at it again', () => api.read(target));
    if (value !== change.before) throw new ChangedBySomeoneElseError(target.key, String(change.before), String(value));
    await mayGoOn();
    await called('set it', () => api.setValue(target, Number(change.after)));
    return { summary: `set to ${change.after}`, data: {} };
  },
  alreadyApplied: (change, { value }) => (value === change.after ? 'yes' : value === change.before ? 'no' : 'unclear'),
  verify: ({ observation: { value, load } }) =>
    value >= load ? { kind: 'good', detail: `${value} is enough` } : { kind: 'not-yet', detail: `${value} of ${load}` },
  guards: ({ errorRate }) => ({ errorRate }),
  decideHandBack: ({ hold, observation: { value, load }, urgent }) => {
    if (value !== hold.value) return { kind: 'leave', detail: `expected ${hold.value}, found ${value}` };
    if (load > hold.baseline && !urgent) return { kind: 'wait', detail: 'still needed', recheckAfterSeconds: 300 };
    const summary = `hand back to ${hold.baseline}`;
    return { kind: 'restore', change: { summary, before: value, after: hold.baseline, undo: `set to ${value}` } };
  },
});

function raise(value: number, load: number, step: number, held: number | undefined): Decision {
  if (value >= load) return { kind: 'fine', reason: `${value} is enough for ${load}` };
  if (held !== undefined && held !== value)
    return { kind: 'hold', reason: 'hands-off', detail: `found ${value}, left ${held}`, recheckAfterSeconds: 3600 };
  if (value >= MOST) return { kind: 'escalate', reason: `${value} is the most there may be` };
  const after = Math.min(MOST, value + step);
  const hold = { field: 'number', baseline: value, value: after, stabiliseForSeconds: 120 };
  const change: Change = {
    summary: `raise from ${value} to ${after}`,
    before: value,
    after,
    undo: `set to ${value}`,
    hold,
  };
  return { kind: 'act', change };
}

const restarting = (api: TargetApi): Supplied => ({
  decide: ({ observation: { stuck, restarts } }) =>
    stuck
      ? { kind: 'act', change: { summary: 'restart', before: restarts, after: restarts + 1, undo: 'nothing to undo' } }
      : { kind: 'fine', reason: 'it answers' },
  act: async (target, change) => {
    const { restarts } = await called('look at it again', () => api.read(target));
    if (restarts !== change.before)
      throw new ChangedBySomeoneElseError(target.key, String(change.before), String(restarts));
    await called('restart it', () => api.restart(target));
    return { summary: 'restarted', data: {} };
  },
  alreadyApplied: (change, { restarts }) =>
    restarts === change.after ? 'yes' : restarts === change.before ? 'no' : 'unclear',
  verify: ({ observation: { stuck } }) =>
    stuck ? { kind: 'not-yet', detail: 'still stuck' } : { kind: 'good', detail: 'it answers' },
});

async function called<T>(what: string, send: () => Promise<T>): Promise<T> {
  try {
    return await send();
  } catch (error) {
    throw classifyAwsError(what, error);
  }
}
