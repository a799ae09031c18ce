/** Which calls and statements a remediation makes: learned by watching undisturbed runs. */
import { makeAlarm } from './alarms.ts';
import { invokeOnce } from './deliveries.ts';
import { labelOf } from './faults.ts';
import { guarded } from './guard.ts';
import { dropWork } from './journal.ts';
import type { Matrix } from './matrix.ts';
import { lead, type Subject } from './run.ts';
import type { Seam, Stage } from './types.ts';

/** One undisturbed delivery of a stage on a target of its own; its calls and statements in their order. */
export async function record(
  matrix: Matrix,
  remediation: string,
  stage: Stage,
  at: { token: string; index: number },
): Promise<Seam[]> {
  const openCase = matrix.cases.get(remediation);
  if (!openCase) throw new Error(`no case for ${remediation}`);
  const target = guarded(matrix, openCase, await openCase.target(at.token, at.index));
  const alarm = await makeAlarm(matrix.place, target, remediation, 'first');
  const functionName = matrix.deployment.laneOf(remediation, 0);
  const subject: Subject = { matrix, target, remediation, alarm, functionName };
  const { place } = matrix;
  try {
    const parcel = await lead(subject, stage);
    const seen: Omit<Seam, 'nth'>[] = [];
    const stopListening = place.gateway.onCall(({ caller, service, operation }) => {
      if (caller === functionName) seen.push({ service, operation });
    });
    target.watchStatements?.((statement) => {
      seen.push({ service: 'postgres', operation: labelOf(statement) });
      return undefined;
    });
    const outcome = await invokeOnce(place, functionName, parcel.payload);
    stopListening();
    if (!outcome) throw new Error(`${remediation} ${stage}: an undisturbed delivery failed`);
    return numbered(seen);
  } finally {
    target.watchStatements?.(undefined);
    await alarm.remove();
    await dropWork(place.clients.journal, matrix.deployment.table, place.observer.keysOf(at.token));
    await target.dispose();
  }
}

/** Each with its place among those of its kind. */
export function numbered(seen: readonly Omit<Seam, 'nth'>[]): Seam[] {
  const counts = new Map<string, number>();
  return seen.map((seam) => {
    const key = `${seam.service} ${seam.operation}`;
    const nth = (counts.get(key) ?? 0) + 1;
    counts.set(key, nth);
    return { ...seam, nth };
  });
}

/** What both runs had: a statement that is repeated until something shows is not there equally often each time. */
export function common(first: readonly Seam[], second: readonly Seam[]): Seam[] {
  const key = ({ service, operation, nth }: Seam) => `${service} ${operation} ${nth}`;
  const others = new Set(second.map(key));
  return first.filter((seam) => others.has(key(seam)));
}
