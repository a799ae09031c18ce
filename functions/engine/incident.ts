/** Opening and joining incidents. */

import type { JournalEntry } from '../../events/journal.ts';
import { hasLevel, type Signal } from '../../events/signal.ts';
import type { Protected } from './config.ts';
import type { Context } from './context.ts';
import { CANARY_INCIDENT, type TargetItem } from './items.ts';
import { severityOf } from './ladder.ts';
import { firing } from './target-state.ts';
import { entryMaker, newId } from './writes.ts';

/** Who the incident is: the target's open one, or a new one with its first entry. */
export function openIncident<T extends Protected, O>(
  context: Context<T, O>,
  signal: Signal,
  target: TargetItem,
  now: number,
) {
  const { name, changesNothing } = context.remediation.manifest;
  const incidentId = target.openIncidentId ?? `${changesNothing ? CANARY_INCIDENT : 'inc-'}${newId(now)}`;
  const make = entryMaker(incidentId, name, now);
  const entries: JournalEntry[] = [];
  if (!target.openIncidentId) {
    const title = `${signal.name} on ${signal.target}`;
    const own = context.remediation.targetOf(signal.target, context.config)?.severity;
    const severity = severityOf(context.config, signal, own);
    const { runbook } = signal;
    entries.push(make('opened', title, { title, target: signal.target, severity, remediation: name, runbook }));
  }
  const again = signal.recheck > 0 ? `, looked at again (${signal.recheck})` : '';
  entries.push(
    make(
      'signal',
      `${hasLevel(signal) ? `alarm ${signal.name} is firing` : signal.name}${again}: ${signal.evidence.reason}`,
      {
        signalId: signal.id,
        subject: signal.subject,
        name: signal.name,
        at: signal.at,
        evidence: signal.evidence,
      },
    ),
  );
  return { incidentId, make, entries, next: firing(target, signal, incidentId, now) };
}

export type Opening = ReturnType<typeof openIncident>;
