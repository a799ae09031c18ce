/** The AWS side of a rung that is a recovery plan: it reads the run in the journal, and starts its execution. Everything else is the plan's. */
import { ExecutionAlreadyExists, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { changingClientDefaults } from '../engine/clients.ts';
import { ActionFailedError, classifyAwsError } from '../engine/errors.ts';
import { requiredEnvironment } from '../engine/handler.ts';
import { type TargetItem, targetKey } from '../engine/items.ts';
import { runKey, runOfRung, startedByIncident } from '../engine/plan-items.ts';
import type { ActReport, Change } from '../engine/remediation.ts';
import { Store } from '../engine/store.ts';
import { type PlanSeen, type RunSeen, startOf } from './decide.ts';

/** Which remediation starts which plan. */
export interface Rung {
  readonly name: string;
  readonly plan: string;
}

const machines = new SFNClient(changingClientDefaults());
let journal: Store | undefined;

function store(): Store {
  journal ??= new Store(requiredEnvironment('NIGHTSHIFT_TABLE'));
  return journal;
}

const incidentOf = async (target: string): Promise<string | undefined> =>
  ((await store().read(targetKey(target))) as TargetItem | undefined)?.openIncidentId;

/** @param target its key, as in signals. @throws EngineError when the journal can't be read. */
export async function readPlanRun(target: string, { name, plan }: Rung): Promise<PlanSeen> {
  const incidentId = await incidentOf(target);
  if (incidentId === undefined) return {};
  const run = (await store().read(runKey({ plan, run: runOfRung(incidentId, name) }))) as RunSeen | undefined;
  return run ? { run } : {};
}

/**
 * Starts the recorded run under the name that its incident gives it: twice is once, while it runs and for 90 days after ("StartExecution", AWS Step Functions API Reference).
 * @throws EngineError when it isn't known to be started.
 */
export async function startRun(target: string, change: Change, { name: rung }: Rung): Promise<ActReport> {
  const incidentId = await incidentOf(target);
  if (incidentId === undefined)
    throw new ActionFailedError(`${target}: it has no open incident any more, for which a run would be started`);
  const { plan, input } = startOf(change);
  const name = runOfRung(incidentId, rung);
  const stateMachineArn = (JSON.parse(requiredEnvironment('NIGHTSHIFT_MACHINES')) as Record<string, string>)[plan];
  if (stateMachineArn === undefined)
    throw new ActionFailedError(`${plan}: its state machine isn't known here: deploy again`);
  const text = JSON.stringify({ ...input, startedBy: startedByIncident(incidentId) });
  const report = (what: string): ActReport => ({
    summary: `${what} the run ${name} of ${plan}`,
    data: { plan, run: name },
  });
  try {
    await machines.send(new StartExecutionCommand({ stateMachineArn, name, input: text }));
    return report('started');
  } catch (error) {
    // An earlier attempt started it, and it has ended since.
    if (error instanceof ExecutionAlreadyExists) return report('found, started already,');
    throw classifyAwsError(`start ${name} of ${plan}`, error);
  }
}
