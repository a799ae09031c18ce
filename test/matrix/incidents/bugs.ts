/** Known bugs of the functions behind the journal, put into the sources that are bundled; each must turn one of its points red. */
import type { Patched } from '../build.ts';
import type { Kind } from '../types.ts';
import type { IncidentPoint, Mode } from './types.ts';

export interface IncidentBug extends Patched {
  readonly points: readonly IncidentPoint[];
}

/** `publisher escalated: dynamodb TransactWriteItems #1 killed, retry` in parts. */
export const at = (unit: string, delivery: string, call: string, kind: Kind, mode: Mode = 'retry'): IncidentPoint => {
  const [service = '', operation = '', nth = '1'] = call.split(' ');
  return { unit, delivery, seam: { service, operation, nth: Number(nth) }, kind, mode };
};

const WRITE = 'dynamodb TransactWriteItems 1';

export const INCIDENT_BUGS: readonly IncidentBug[] = [
  {
    name: 'the publisher doesn’t look whether it has paged before',
    patches: [
      {
        file: 'functions/incidents/publisher/call.ts',
        find: 'if (await store.read(entryKey(entry.incidentId, mark.id))) return false;',
        replace: 'void entryKey;',
      },
      {
        file: 'functions/incidents/publisher/call.ts',
        find: 'if (incident?.timeline.some(({ id }) => id === mark.id)) return false;',
        replace: '',
      },
    ],
    points: [at('publisher', 'escalated', WRITE, 'killed')],
  },
  {
    name: 'the publisher writes down that it paged before it does',
    patches: [
      {
        file: 'functions/incidents/publisher/call.ts',
        find: 'if (!silent) await send(entry, incident, context);',
        replace: '',
      },
      {
        file: 'functions/incidents/publisher/call.ts',
        find: 'return !silent;',
        replace: 'if (!silent) await send(entry, incident, context); return !silent;',
      },
    ],
    points: [at('publisher', 'escalated', WRITE, 'killed')],
  },
  {
    name: 'a target is looked at again although it was just before',
    patches: [
      {
        file: 'functions/incidents/diagnose/handler.ts',
        find: 'if (!incident || isFresh(incident, now())) return',
        replace: 'void isFresh; if (!incident) return',
      },
    ],
    points: [at('diagnose', 'service', WRITE, 'killed')],
  },
  {
    name: 'the announcer skips what the bus doesn’t take',
    patches: [
      {
        file: 'functions/incidents/announcer/handler.ts',
        find: 'batchItemFailures: failed ? [{ itemIdentifier: failed.sequenceNumber }] : []',
        replace: 'batchItemFailures: failed ? [] : []',
      },
    ],
    points: [at('announcer', 'whole incident', 'events PutEvents', 'timeout-before')],
  },
  {
    name: 'the archiver answers although it failed',
    patches: [
      {
        file: 'functions/incidents/archiver/handler.ts',
        find: '    throw error;\n  }\n});',
        replace: '    return { written: 0 };\n  }\n});',
      },
    ],
    points: [at('archiver', 'resolved', 's3 PutObject 2', 'throttled')],
  },
  {
    name: 'the notifier sends again what it has sent',
    patches: [
      {
        file: 'functions/incidents/notify/deliver.ts',
        find: `  const { deliveries } = context;
  const claim = await deliveries.claim(name, content.id);
  if (claim.state === 'done') return 'duplicate';`,
        replace: `  const { deliveries } = context;
  const claim = await deliveries.claim(name, content.id);`,
      },
    ],
    points: [at('notify', 'escalated', 'sns Publish', 'refused')],
  },
  {
    name: 'a link is used up before it has done what it is for',
    patches: [
      {
        file: 'functions/engine/operator.ts',
        find: 'const result = await store.transact([putEntry(store.table, entry), ...also]);',
        replace:
          'const result = await store.transact([...also]); if (result.ok) await store.transact([putEntry(store.table, entry)]);',
      },
    ],
    points: [at('links', 'ack', WRITE, 'killed')],
  },
  {
    name: 'an approval whose order is lost is brought up by nobody',
    patches: [
      {
        file: 'functions/engine/approvals.ts',
        find: '...(run ? [] : [judgeAgain(store, next, now)]),',
        replace: '',
      },
    ],
    points: [at('links', 'approve', 'lambda Invoke', 'throttled')],
  },
  {
    name: 'a look of the follow-through that fails ends its execution',
    patches: [
      {
        file: 'functions/incidents/follow-through/handler.ts',
        find: 'return look(context, asked);',
        replace: `return look(context, asked).catch(() => ({ next: 'end' as const, seconds: 0 }));`,
      },
    ],
    points: [at('follow-through', 'call due', 'dynamodb Query 1', 'throttled')],
  },
  {
    name: 'the reconciler puts work off for good when it hands it over',
    patches: [
      {
        file: 'functions/incidents/reconciler/run.ts',
        find: 'bumpWork(store.table, work, dueAt, around.now())',
        replace: 'bumpWork(store.table, work, dueAt + 31_536_000_000, around.now())',
      },
    ],
    points: [at('reconciler', 'hand over', 'dynamodb TransactWriteItems 2', 'killed')],
  },
  {
    name: 'the lease of a run that died is never taken over',
    patches: [
      {
        file: 'functions/engine/run-lease.ts',
        find: 'OR #until <= :now OR',
        replace: 'OR (#until <= :now AND #until > :now) OR',
      },
    ],
    points: [at('reconciler', 'hand over', 'dynamodb TransactWriteItems 1', 'killed')],
  },
];
