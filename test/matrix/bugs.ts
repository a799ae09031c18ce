/**
 * Known bugs: what this protocol is there to prevent, put into the sources that are bundled. Each must turn the matrix red at one of its points,
 * or the matrix proves less than it says.
 */
import type { Point } from './types.ts';

/** One snippet of one file, there exactly once, and what takes its place. */
export interface Patch {
  /** Path in the repository. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export interface SeededBug {
  readonly name: string;
  readonly patches: readonly Patch[];
  /** Points at which it must be found; at least one of them has to turn red. */
  readonly points: readonly Point[];
  /** Set where only the reconciler comes as far as the bug: class `evidence` waits for its lease to end. */
  readonly reconciled?: true;
}

const scaleOut = (operation: string, kind: Point['kind'], mode: Point['mode'], service = 'ecs', nth = 1): Point => ({
  remediation: 'scale-out-service',
  stage: 'firing',
  seam: { service, operation, nth },
  kind,
  mode,
});

const KILLED = scaleOut('UpdateService', 'killed', 'retry');

const failOver = (kind: Point['kind'], mode: Point['mode']): Point => ({
  remediation: 'fail-over-database',
  stage: 'firing',
  seam: { service: 'rds', operation: 'RebootDBInstance', nth: 1 },
  kind,
  mode,
});

export const SEEDED_BUGS: readonly SeededBug[] = [
  {
    name: 'no lease or version condition on the target',
    patches: [
      {
        file: 'functions/engine/writes.ts',
        find: `if (observedVersion === 0) return signed('target', put(table, item, ABSENT));`,
        replace: `if (table) return signed('target', put(table, item));`,
      },
    ],
    // A race: two alarms must both be read before either commits, which not every try brings about.
    points: (['timeout-after', 'throttled', 'refused', 'answers-lost', 'killed'] as const).map((kind) =>
      scaleOut('UpdateService', kind, 'concurrent'),
    ),
  },
  {
    name: 'relative scaling instead of the recorded value',
    patches: [
      {
        file: 'functions/remediations/scale-out-service/handler.ts',
        find: 'await Promise.all([assertUnchanged(target, before), mayGoOn()]);',
        replace:
          'const live = await readService(target); const relative = (live.kind === "service" ? live.desired : 0) + after.value - before.value; void assertUnchanged; await mayGoOn();',
      },
      {
        file: 'functions/remediations/scale-out-service/handler.ts',
        find: 'service: target.service, desiredCount: after.value }',
        replace: 'service: target.service, desiredCount: relative }',
      },
      {
        // A relative change has no value to be recognised by.
        file: 'functions/remediations/scale-out-service/decide.ts',
        find: `if (live.value === after.value) return 'yes';`,
        replace: `if (live.value === after.value) return 'no';`,
      },
    ],
    points: [KILLED],
  },
  {
    name: 'an unfinished intent is resumed without looking whether it was done',
    patches: [
      {
        file: 'functions/engine/action.ts',
        find: 'switch (remediation.alreadyApplied(action.change, observation)) {',
        replace: `void observation; switch ('no' as 'yes' | 'no' | 'unclear') {`,
      },
    ],
    points: [KILLED],
  },
  {
    name: 'redelivery is answered as a duplicate while the intent is unfinished',
    patches: [
      {
        file: 'functions/engine/protocol.ts',
        find: `if (event.status === 'committed' && event.actionId) return resume(context, event.actionId);`,
        replace: 'void resume;',
      },
    ],
    points: [KILLED],
  },
  {
    name: 'the commit leaves out the item that tells duplicates',
    patches: [
      {
        file: 'functions/engine/commit.ts',
        find: `putEvent(table, name, signal.id, { requestId, status: 'committed', actionId: action.actionId }, now),`,
        replace: '',
      },
    ],
    points: [KILLED, scaleOut('UpdateService', 'timeout-after', 'concurrent')],
  },
  {
    name: 'a resumed release ends as many sessions again, chosen anew',
    patches: [
      {
        file: 'functions/remediations/release-idle-connections/handler.ts',
        find: 'of victims.entries()) {',
        replace: 'of reading.candidates.slice(0, victims.length).entries()) {',
      },
      {
        file: 'functions/remediations/release-idle-connections/handler.ts',
        find: 'clientSessions(reading) - endedSinceReading <= goal ||',
        replace: '',
      },
    ],
    points: [
      {
        remediation: 'release-idle-connections',
        stage: 'firing',
        seam: { service: 'postgres', operation: 'SELECT pg_terminate_backend(a.pid)', nth: 2 },
        kind: 'killed',
        mode: 'retry',
      },
    ],
  },
  {
    name: 'a failover whose answer was lost is asked for again without looking for evidence',
    patches: [
      {
        file: 'functions/remediations/fail-over-database/decide.ts',
        find: `if (isSwapped) return 'yes';`,
        replace: `if (isSwapped) return 'no';`,
      },
      {
        file: 'functions/remediations/fail-over-database/handler.ts',
        find: 'if (!isAsSeen) {',
        replace: 'if (!isAsSeen && live.kind === "missing") {',
      },
    ],
    points: [failOver('killed', 'retry')],
    reconciled: true,
  },
  {
    name: 'a request that must not be repeated is repeated by the SDK',
    patches: [
      {
        file: 'functions/engine/clients.ts',
        find: 'return { ...changingClientDefaults(), maxAttempts: 1 };',
        replace: 'return changingClientDefaults();',
      },
    ],
    points: [failOver('timeout-after', 'retry')],
  },
];
