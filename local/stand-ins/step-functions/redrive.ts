/** Where a redrive goes on ("Restarting state machine executions with redrive"): at the states that didn't succeed, in every strand. Pure on its data. */
import type { ExecutionRecord } from './execution-record.ts';

/** Marks the strands that have to be taken up again. */
export function prepareRedrive({ execution, redriveCount }: ExecutionRecord): void {
  const { Execution } = execution.context;
  execution.context = { ...execution.context, Execution: { ...Execution, RedriveCount: redriveCount } };
  execution.resuming.clear();
  mark('', execution);
}

type Kept = ExecutionRecord['execution'];

function mark(path: string, execution: Kept): void {
  const checkpoint = execution.checkpoints.get(path);
  if (!checkpoint || execution.done.has(path)) return;
  execution.resuming.add(path);
  // Only strands of the state that the outer one is in: others are left from states it has left.
  const children = `${path}/${checkpoint.state}[`;
  for (const inner of execution.checkpoints.keys())
    if (inner.startsWith(children) && !inner.slice(children.length).includes('/')) mark(inner, execution);
}
