/** What people do to the journal while incidents are under way: by the functions that the command line and the links call. */
import { vote } from '../../functions/engine/approvals.ts';
import { targetKey } from '../../functions/engine/items.ts';
import { release, resolveByPerson, takeOver } from '../../functions/engine/operator.ts';
import type { Store } from '../../functions/engine/store.ts';
import { setSwitch } from '../../functions/engine/switch.ts';
import type { Step } from './scenario.ts';
import type { TableModel } from './table/table.ts';
import type { Watch } from './watch.ts';

const by = 'person:jane';
const PERSONS = ['switch', 'take-over', 'release', 'end', 'answer'] as const;
export type PersonsStep = Extract<Step, { kind: (typeof PERSONS)[number] }>;
export const isPersons = (step: Step): step is PersonsStep => (PERSONS as readonly string[]).includes(step.kind);

/** @throws EngineError with what the person is told. */
export async function act(
  step: PersonsStep,
  { store, table, watch, target, now }: { store: Store; table: TableModel; watch: Watch; target: string; now: number },
): Promise<void> {
  switch (step.kind) {
    case 'switch':
      watch.switching(step.state);
      await setSwitch(store, step.state, by, 'because', new Date(now));
      watch.switched(step.state);
      return;
    case 'take-over':
      await takeOver(store, target, { by, reason: 'mine', until: now + step.forMs }, now);
      return;
    case 'release':
      await release(store, target, { by, reason: 'yours' }, now);
      return;
    case 'end': {
      const incident = (await store.read(targetKey(target)))?.openIncidentId;
      if (typeof incident === 'string') await resolveByPerson(store, incident, { by, reason: 'seen to' }, now);
      return;
    }
    case 'answer':
      for (const { target: of, status, approvalId } of table.itemsOf('APPROVAL#'))
        if (of?.S === target && status?.S === 'waiting')
          await vote(store, approvalId?.S ?? '', { decision: step.decision, by }, { now });
      return;
    default:
      return step satisfies never;
  }
}
