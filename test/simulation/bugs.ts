/**
 * Known bugs, put into the engine's sources as they are loaded (never by a flag in deployed code): one of them at a time, and the simulation must find it, or
 * it proves less than it says.
 */
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Patch } from '../matrix/bugs.ts';

export interface SimulatedBug {
  readonly name: string;
  readonly patches: readonly Patch[];
}

const REPOSITORY = join(import.meta.dirname, '../..');

const bug = (name: string, file: string, find: string, replace: string): SimulatedBug => ({
  name,
  patches: [{ file: `functions/${file}`, find, replace }],
});

export const BUGS: readonly SimulatedBug[] = [
  bug(
    'the target is written whoever wrote it meanwhile',
    'engine/writes.ts',
    `if (observedVersion === 0) return signed('target', put(table, item, ABSENT));`,
    `if (table) return signed('target', put(table, item));`,
  ),
  bug(
    'an unfinished intent is resumed without looking whether it was done',
    'engine/action.ts',
    'switch (remediation.alreadyApplied(action.change, observation)) {',
    `void observation; switch ('no' as 'yes' | 'no' | 'unclear') {`,
  ),
  bug(
    'an unfinished intent is resumed although its lease still runs',
    'engine/action.ts',
    'if (!retried && action.leaseUntil > context.now()) {',
    'if (!retried && action.leaseUntil < 0) {',
  ),
  bug(
    'the commit leaves out the item that tells duplicates',
    'engine/commit.ts',
    `putEvent(table, name, signal.id, { requestId, status: 'committed', actionId: action.actionId }, now),`,
    '',
  ),
  bug('the commit does not check the switch', 'engine/commit.ts', 'checkSwitch(table, choice.switchCopy),', ''),
  {
    name: 'freeze does not stop a change that is under way',
    patches: [
      {
        file: 'functions/engine/action.ts',
        find: `if ((await readSwitch(store)) === 'freeze')
    throw`,
        replace: `if ((await readSwitch(store)) === ('never' as string))
    throw`,
      },
      {
        file: 'functions/engine/action.ts',
        find: `if ((await readSwitch(store)) === 'freeze') return frozen(context, action);`,
        replace: 'void frozen;',
      },
    ],
  },
  bug('the cooldown is forgotten', 'engine/guard.ts', 'cooldown: cooldownGuard,', ''),
  bug('the budget of a target is forgotten', 'engine/guard.ts', `'target-budget': targetBudgetGuard,`, ''),
  bug(
    'the commit claims no slot of a budget',
    'engine/commit.ts',
    '...claimSlots(table, choice.free, choice.slots, action.actionId, now),',
    '',
  ),
  bug(
    'a hand-back claims no slot of the removal budget',
    'engine/hand-back.ts',
    ', ...slots]',
    ', ...slots.slice(0, 0)]',
  ),
  bug(
    'the alarm is not looked at again after a change',
    'engine/commit.ts',
    'putRecheck(table, name, signal, now + limits.cooldownSeconds * 1000),',
    '',
  ),
  bug(
    'nothing brings up an intent that its function left unfinished',
    'engine/commit.ts',
    `      kind: 'unfinished',
      id: action.actionId,`,
    `      kind: 'unfinished',
      id: 'another',`,
  ),
  bug(
    'nothing hands a temporary change back',
    'engine/resolution.ts',
    '...handBackWork(store, targetName, present, now),',
    '',
  ),
  bug(
    'a temporary change is not remembered',
    'engine/target-state.ts',
    'if (!change.hold) return holds;',
    'if (holds) return holds;',
  ),
  bug(
    'the baseline of a hold is that of the last change instead of the first',
    'engine/holds.ts',
    'heldOf(holds, hold.field)?.baseline ?? hold.baseline',
    'hold.baseline',
  ),
  bug(
    'a failed action keeps its lease',
    'engine/action.ts',
    'next: change(released(present, actionId)),',
    'next: change(present),',
  ),
  bug(
    'nobody is called for a change that failed',
    'engine/action.ts',
    'const call = needsPerson || !onward;',
    'const call = !needsPerson && needsPerson;',
  ),
  bug('a take-over by a person is not seen', 'engine/guard.ts', `'taken-over': takenOverGuard,`, ''),
  bug('an upstream in trouble is not seen', 'engine/guard.ts', 'upstream: upstreamGuard,', ''),
  bug(
    'mode observe changes things',
    'engine/protocol.ts',
    'if (!mayChange(mode)) return recordWouldAct',
    `if (mode === 'off') return recordWouldAct`,
  ),
  bug(
    'mode approve asks nobody',
    'engine/consent.ts',
    `return mode === 'approve' ?`,
    `return mode === ('never' as string) ?`,
  ),
  bug(
    'a change that made things worse is not undone',
    'engine/verification.ts',
    `        putWork(table, { kind: 'undo', id: actionId, remediation: name, target: targetName, dueAt: at, attempts: 0 }),
`,
    '',
  ),
  bug(
    'alarms whose event was lost are not looked for',
    'incidents/reconciler/plan.ts',
    `if (alarm.state !== 'ALARM' || !alarm.actionsEnabled) return false;`,
    'if (alarm) return false;',
  ),
  bug(
    'the budget of the fleet is counted for each runbook by itself',
    'engine/budget.ts',
    'scope: FLEET,',
    'scope: FLEET.concat(remediation.name),',
  ),
  bug(
    'what takes capacity away claims no slot of the removal budget',
    'engine/budget.ts',
    '...(remediation.removesCapacity ? [removalBudget(config)] : []),',
    '',
  ),
  bug(
    'the budget of a target counts the last half hour only',
    'engine/guard.ts',
    '.filter((at) => at > now - HOUR_MS)',
    '.filter((at) => at > now - HOUR_MS / 2)',
  ),
  bug(
    'a lease is not seen',
    'engine/guard.ts',
    'if (target.leaseHolder === undefined) return undefined;',
    'if (target) return undefined;',
  ),
  bug(
    'a hand-back does not see a take-over',
    'engine/hand-back.ts',
    `if (taken) return postpone(context, hold, targetName, taken.until, 'taken-over', describeTakeOver(taken));`,
    'void [taken, describeTakeOver];',
  ),
  bug(
    'a hand-back does not ask for the mode',
    'engine/hand-back.ts',
    `  if (!mayChange(mode))
    return postpone(`,
    `  if (mode === ('never' as string))
    return postpone(`,
  ),
  bug(
    'a hand-back does not see a lease',
    'engine/hand-back.ts',
    `  if (present.leaseHolder !== undefined)
    return postpone(`,
    `  if (present.leaseHolder === 'nobody')
    return postpone(`,
  ),
];

/** The source with those patches. @throws Error when a snippet isn't there exactly once. */
export function patched(source: string, patches: readonly Patch[]): string {
  let text = source;
  for (const { file, find, replace } of patches) {
    if (text.split(find).length !== 2)
      throw new Error(`${file}: the snippet is there ${text.split(find).length - 1} times: ${find}`);
    text = text.replace(find, () => replace);
  }
  return text;
}

export const sourceOf = (file: string): string => readFileSync(join(REPOSITORY, file), 'utf8');

/** From now on this process loads its sources with that bug; to be called before they are loaded. */
export function seed({ patches }: SimulatedBug): void {
  const byUrl = Map.groupBy(patches, ({ file }) => pathToFileURL(join(REPOSITORY, file)).href);
  registerHooks({
    load: (url, context, nextLoad) => {
      const its = byUrl.get(url);
      if (!its) return nextLoad(url, context);
      const source = patched(readFileSync(fileURLToPath(url), 'utf8'), its);
      return { format: 'module-typescript', source, shortCircuit: true };
    },
  });
}
