/** A step that is a remediation: the same look, decision, change and evidence, inside a plan's run instead of an alarm's incident. */
import type { Signal } from '../../events/signal.ts';
import type { Protected, RuntimeConfig } from '../engine/config.ts';
import type { Decision, Remediation } from '../engine/remediation.ts';
import type { StepCode, StepContext, StepDecision } from './step.ts';

/** What else the step sees: whether its target is well by now. */
export interface Health {
  readonly healthy: boolean;
  /** It looks well, but nothing of what it shows is told of the time since the run's last change: that is waited for. */
  readonly isUntold?: boolean;
  /** Why it is, or isn't. */
  readonly detail: string;
}

interface Seen<O> {
  readonly observation: O;
  readonly health: Health;
}

export interface RemediationStep<Input, T extends Protected, O>
  extends Pick<StepCode<Input, Seen<O>>, 'compensation' | 'whenLate'> {
  readonly remediation: Pick<Remediation<T, O>, 'observe' | 'decide' | 'act' | 'alreadyApplied' | 'verify'>;
  targetOf(input: Input, config: RuntimeConfig): { readonly key: string; readonly target: T };
  healthOf(target: T, context: StepContext<Input>): Promise<Health>;
  /** Whether it waits for a deployment or the like that is under way, or leaves the rest to the next step. */
  readonly whenUnderWay: 'wait' | 'leave';
}

/** Looked at again after so long. */
const POLL_SECONDS = 5;

export function remediationStep<Input, T extends Protected, O>({
  remediation,
  targetOf,
  healthOf,
  whenUnderWay,
  ...rest
}: RemediationStep<Input, T, O>): StepCode<Input, Seen<O>> {
  return {
    ...rest,
    async observe(context) {
      const { target } = targetOf(context.input, context.config);
      const [observation, health] = await Promise.all([
        remediation.observe(target, context.config),
        healthOf(target, context),
      ]);
      return { observation, health };
    },
    decide({ observation, health }, context) {
      if (health.isUntold) return { kind: 'wait', seconds: POLL_SECONDS, detail: health.detail };
      if (health.healthy) return { kind: 'done', detail: `left out, nothing to do: ${health.detail}` };
      const { key, target } = targetOf(context.input, context.config);
      const signal = signalOf(context, key, health.detail);
      const { config } = context;
      return asStep(remediation.decide({ signal, target, observation, hold: undefined, config }), whenUnderWay);
    },
    act: (context, change) => {
      const { target } = targetOf(context.input, context.config);
      // Its switch was checked with the intent; a step makes one change.
      return remediation.act(target, change, context.remaining, context.config, async () => {});
    },
    alreadyApplied: (change, { observation }) => remediation.alreadyApplied(change, observation),
    verify(change, { observation, health }, context) {
      const { target } = targetOf(context.input, context.config);
      const isWell = health.healthy && !health.isUntold;
      const proof = remediation.verify({ target, change, report: undefined, observation, alarmsOk: isWell });
      if (proof.kind === 'bad' || proof.kind === 'worse') return { kind: 'bad', detail: proof.detail };
      const done = proof.kind === 'good' && isWell;
      return done
        ? { kind: 'good', detail: health.detail }
        : { kind: 'not-yet', detail: proof.kind === 'good' ? health.detail : proof.detail, seconds: POLL_SECONDS };
    },
  };
}

/** What can't help is left out, with its reason: the next step is there for that. */
function asStep(decision: Decision, whenUnderWay: 'wait' | 'leave'): StepDecision {
  switch (decision.kind) {
    case 'act':
      return { kind: 'act', change: decision.change };
    case 'hold':
      return decision.reason === 'change-under-way' && whenUnderWay === 'wait'
        ? { kind: 'wait', seconds: POLL_SECONDS, detail: decision.detail }
        : { kind: 'done', detail: `left out: ${decision.detail}` };
    case 'fine':
    case 'escalate':
      return { kind: 'done', detail: `left out: ${decision.reason}` };
    default:
      return decision satisfies never;
  }
}

/** Decisions are made of a signal: this one says that a run began because the target was sick. */
const signalOf = ({ run, startedAt }: StepContext<unknown>, target: string, reason: string): Signal => ({
  ...{ id: run, source: 'person', subject: `person:${target}:${run}`, name: 'recovery plan', state: 'firing', target },
  ...{ at: new Date(startedAt).toISOString(), firstEvaluation: false, recheck: 0, rung: 0 },
  evidence: { reason, datapoints: [] },
});
