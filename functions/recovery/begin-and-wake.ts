/** Whom a run waits for before it begins (the rung that started it, the windows of a schedule), and who is woken when it has ended or was refused. */
import { readTarget } from '../engine/context.ts';
import { isByDrill } from '../engine/drills.ts';
import { EngineError, InFlightError } from '../engine/errors.ts';
import { NEW_TARGET, type TargetItem, targetKey } from '../engine/items.ts';
import { log } from '../engine/log.ts';
import { dueNow } from '../engine/operator.ts';
import { isByIncident, runOfHolder, runOfRung } from '../engine/plan-items.ts';
import { changeForbidden } from '../engine/windows.ts';
import type { Around } from './around.ts';
import { PlanBusyError, PlanRefusedError } from './errors.ts';
import type { RunItem } from './items.ts';

/** What is given beside a plan's own input. */
export interface Given {
  readonly rehearse: boolean;
  readonly startedBy: string;
  readonly input: Readonly<Record<string, unknown>>;
}

export const inHand = (target: string, holder: string) =>
  new InFlightError(`${target}: ${holder} has it in hand for a moment`);

/**
 * The rung that starts a run writes that down a moment later and gives its lease back; or it is resumed, if it died before. It may then end the start instead (the alarm is
 * OK, the mode is another one, a window is open), and a person may have ended the incident: what nobody waits for doesn't begin.
 * @throws InFlightError while the rung, or another remediation, has a target in hand; PlanRefusedError.
 */
export async function checkRung<Input>(
  { store }: Around<Input>,
  { run, startedBy }: Pick<RunItem, 'run' | 'startedBy'>,
  targets: readonly string[],
): Promise<void> {
  const read = await store.readAll(targets.map(targetKey));
  const items = targets.map((target) => [target, read.get(targetKey(target).pk) as TargetItem | undefined] as const);
  for (const [target, item] of items)
    if (item?.leaseHolder !== undefined && runOfHolder(item.leaseHolder) === undefined)
      throw inHand(target, item.leaseHolder);
  if (!items.some(([, item]) => item && waitsForRun(item, run)))
    throw new PlanRefusedError(`${startedBy} doesn't wait for it any more: it is over, or did not start it after all`);
}

/** The rung's change, the start of this run, was made in the incident that is open. */
const waitsForRun = ({ openIncidentId, verifying = {} }: Partial<TargetItem>, run: string): boolean =>
  openIncidentId !== undefined && Object.keys(verifying).some((rung) => runOfRung(openIncidentId, rung) === run);

/** No person has said that it is to be done now where a schedule starts it. @throws PlanBusyError while a window of one of its targets forbids changes. */
export function checkWindows<Input>(
  { config, now }: Around<Input>,
  { rehearse, startedBy }: Given,
  targets: readonly string[],
): void {
  if (rehearse || !isByDrill(startedBy)) return;
  for (const target of targets) {
    const forbidden = changeForbidden(config.windows, target, now());
    if (forbidden) throw new PlanBusyError(`${target}: ${forbidden.detail}`);
  }
}

/** The rung that started a run that is refused is judged at once, not at its deadline: nothing else tells a person. */
export async function tellRung<Input>(around: Around<Input>, { startedBy, input }: Given): Promise<void> {
  const { code, config, store, now } = around;
  const parsed = isByIncident(startedBy) ? code.readInput(input) : undefined;
  const taken = parsed?.ok ? code.targetsOf(parsed.input, config) : undefined;
  if (taken?.kind !== 'targets') return;
  await unlessFails(taken.targets, async (target) => {
    const { verifying } = await readTarget(store, target);
    await dueNow(store, target, { ...NEW_TARGET, verifying }, now(), 'and-verify');
  });
}

/**
 * What remediations held while the run had its targets is looked at again at once, and so is whether the rung that started it helped. If this isn't done, they are
 * looked at when the lease would have been over: it never fails a run that has ended.
 */
export async function wakeHeld<Input>({ store, now }: Around<Input>, { targets }: RunItem): Promise<void> {
  await unlessFails(targets, async (target) =>
    dueNow(store, target, await readTarget(store, target), now(), 'and-verify'),
  );
}

async function unlessFails(targets: readonly string[], wake: (target: string) => Promise<void>): Promise<void> {
  for (const target of targets)
    try {
      await wake(target);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      log('WARN', `what waits for ${target} is looked at later`, { error: error.message });
    }
}
