/** What would come of an event, by the very code that handles events: the journal isn't written, and `act` isn't called. */
import type { Outcome } from '../events/outcome.ts';
import type { ExplainDocument } from '../events/published/explain.ts';
import type { Signal } from '../events/signal.ts';
import { budgetsOf, listFree } from '../functions/engine/budget.ts';
import type { Protected } from '../functions/engine/config.ts';
import { type Context, limitsOf, readSituation, type Situation } from '../functions/engine/context.ts';
import { EngineError } from '../functions/engine/errors.ts';
import { GUARDS, type Stop } from '../functions/engine/guard.ts';
import { handle } from '../functions/engine/handler.ts';
import { holdShown } from '../functions/engine/holds.ts';
import { stormOf } from '../functions/engine/record.ts';
import type { Decision, Json } from '../functions/engine/remediation.ts';
import { readSignal } from '../functions/engine/sources/index.ts';
import { conditionsOf, type DryStore } from './dry-run.ts';
import type { AnyRemediation } from './remediations.ts';

export type Explanation = Omit<ExplainDocument, 'version' | 'place'>;
type AnyContext = Context<Protected, unknown>;

/**
 * @param context with a store of `dryStore`, whose transactions are `dry.transactions`.
 * @throws EngineError when journal or target can't be read.
 */
export async function explain(event: unknown, context: AnyContext, dry: DryStore): Promise<Explanation> {
  const { manifest } = context.remediation;
  const remediation = { name: manifest.name, mode: limitsOf(context).mode };
  const read = readSignal(event, manifest, context.config);
  const signal = 'rejected' in read ? undefined : read;
  const target = signal && context.remediation.targetOf(signal.target, context.config);
  const seen = signal && target && signal.state === 'firing' ? await look(context, signal, target) : undefined;
  const outcome = await handle(event, { ...context, remediation: harmless(context.remediation, seen?.observe) });
  return {
    remediation,
    ...(signal && { signal: pick(signal) }),
    guards: seen?.guards ?? [],
    ...(seen && { observation: shortened(seen.observation), decision: seen.decision }),
    outcome: describeOutcome(outcome),
    conditions: conditionsOf(dry.transactions[0] ?? []),
  };
}

const pick = ({ id, name, state, at, target }: Signal) => ({ id, alarmName: name, state, at, target });

/** What the engine makes of a target that it isn't allowed to see: it calls a person. */
const isRefusal = (error: unknown): error is EngineError => error instanceof EngineError && !error.retryable;

async function look(context: AnyContext, signal: Signal, target: Protected) {
  const { remediation, config } = context;
  const situation = await readSituation(context, signal, remediation.upstreamsOf(target));
  const guards = [...verdicts(context, signal, situation), ...(await budgetVerdicts(context, situation))];
  try {
    const observation = await remediation.observe(target, config);
    const { name, holds = [] } = remediation.manifest;
    const hold = holdShown(situation.target.holds, name, holds);
    const decision = remediation.decide({ signal, target, observation, hold, config });
    return { guards, observe: async () => observation, observation, decision: describeDecision(decision) };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    const refused = async () => {
      throw error;
    };
    const decision = { kind: 'escalate' as const, detail: error.message };
    return { guards, observe: refused, observation: { unseen: error.message }, decision };
  }
}

function verdicts(context: AnyContext, signal: Signal, situation: Situation): Explanation['guards'] {
  const input = {
    ...situation,
    signal,
    remediation: context.remediation.manifest.name,
    severity: context.remediation.targetOf(signal.target, context.config)?.severity,
    limits: limitsOf(context),
    storm: stormOf(context, signal, situation),
    config: context.config,
  };
  const asked = Object.entries(GUARDS).map(([guard, judge]) => {
    const stop = judge(input);
    return stop ? { guard, passes: false, detail: describeStop(stop) } : { guard, passes: true };
  });
  // The same event again is found before any guard is asked.
  if (!situation.event) return asked;
  return [{ guard: 'seen-before', passes: false, detail: `this event was handled at ${situation.event.at}` }, ...asked];
}

/** Budgets are asked last, by the commit. @throws EngineError when the journal can't be read. */
async function budgetVerdicts(context: AnyContext, { now }: Situation): Promise<Explanation['guards']> {
  const budgets = budgetsOf(context.remediation.manifest, limitsOf(context), context.config);
  return Promise.all(
    budgets.map(async (budget) => {
      const found = await listFree(context.store, [budget], now);
      const guard = budget.guardrail;
      return 'stop' in found
        ? { guard, passes: false, detail: describeStop(found.stop) }
        : { guard, passes: true, detail: `${found.free[0]?.slots.length ?? 0} of ${budget.limit} left this hour` };
    }),
  );
}

/** The remediation with the observation that was made already, and without its hands. */
const harmless = (remediation: AnyRemediation, observe = remediation.observe): AnyRemediation => ({
  ...remediation,
  observe,
  act: async () => ({ summary: 'nothing: this is a dry run', data: {} }),
});

function describeStop(stop: Stop): string {
  switch (stop.kind) {
    case 'held':
      return `${stop.reason}: ${stop.detail}`;
    case 'refused':
      return `${stop.setting}: ${stop.present}`;
    case 'joined':
      return stop.upstream
        ? `${stop.upstream.target}, on which it depends, is in trouble: it belongs to incident ${stop.upstream.incidentId}`
        : 'an action of the same incident has the target in hand';
    case 'recovered':
      return stop.detail;
    default:
      return stop satisfies never;
  }
}

function describeDecision(decision: Decision): NonNullable<Explanation['decision']> {
  switch (decision.kind) {
    case 'act':
      return { kind: decision.kind, detail: decision.change.summary };
    case 'fine':
    case 'escalate':
      return { kind: decision.kind, detail: decision.reason };
    case 'hold':
      return { kind: decision.kind, detail: `${decision.reason}: ${decision.detail}` };
    default:
      return decision satisfies never;
  }
}

/** Ids of incidents and actions are left out: they were made up for the dry run. */
function describeOutcome(outcome: Outcome): Explanation['outcome'] {
  const { kind, incidentId: _incident, actionId: _action, ...rest } = outcome as Outcome & Record<string, unknown>;
  const detail = Object.entries(rest).map(([name, value]) => `${name} ${String(value)}`);
  return { kind, detail: detail.join(', ') };
}

const LIST_LIMIT = 5;

/** Lists of hundreds of sessions say nothing to a person. */
function shortened(value: unknown): Json {
  return JSON.parse(
    JSON.stringify(value ?? null, (_key, each: unknown) =>
      Array.isArray(each) && each.length > LIST_LIMIT
        ? [...each.slice(0, LIST_LIMIT), `and ${each.length - LIST_LIMIT} more`]
        : each,
    ),
  ) as Json;
}
