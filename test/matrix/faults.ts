/** Puts a point's fault on the wire, for the calls of one function and nobody else's, and knows whether it was met. */
import type { Interruption, Statement } from '../../local/stand-ins/rds/statements.ts';
import type { Fault } from '../../local/world/types.ts';
import type { Place } from './place.ts';
import type { Kind, MatrixTarget, Seam } from './types.ts';

/** A lost answer is a connection that breaks after this long: clients take it as they take their own timeout, without an HTTP status. */
const BROKEN_AFTER_MS = 20;

const ON_THE_WIRE: Record<Kind, Pick<Fault, 'kind' | 'times' | 'delayMs'>> = {
  throttled: { kind: 'throttled' },
  refused: { kind: 'refused', times: 1 },
  'timeout-before': { kind: 'timeout-before', delayMs: BROKEN_AFTER_MS },
  'timeout-after': { kind: 'timeout-after', delayMs: BROKEN_AFTER_MS, times: 1 },
  'answers-lost': { kind: 'timeout-after', delayMs: BROKEN_AFTER_MS },
  killed: { kind: 'kill-caller-after', times: 1 },
};

export interface Armed {
  /** Whether the gateway or the front door recorded it delivered. */
  readonly delivered: () => boolean;
  disarm(): void;
}

/** What goes wrong, and where. */
export interface Mishap {
  /** Different for each that is armed. */
  readonly name: string;
  readonly seam: Seam;
  readonly kind: Kind;
}

type Watched = Pick<MatrixTarget, 'watchStatements'>;

/** Arms a fault for the calls of `functionName`; what lasts is taken away when the run that met it has ended. */
export function arm(place: Place, target: Watched, mishap: Mishap, functionName: string): Armed {
  const state = { met: false };
  const take = mishap.seam.service === 'postgres' ? armSql : armAws;
  const takeAway = take(place, target, mishap, functionName, () => {
    state.met = true;
  });
  const stopListening = place.lambda.onInvocation((run) => {
    if (run.functionName === functionName && state.met) takeAway();
  });
  return {
    delivered: () => state.met,
    disarm() {
      stopListening();
      takeAway();
    },
  };
}

type Take = (place: Place, target: Watched, mishap: Mishap, functionName: string, met: () => void) => () => void;

const armAws: Take = (place, _target, { name, seam, kind }, caller, met) => {
  const { service, operation } = seam;
  place.gateway.faults.add({ name, match: { service, operation, caller }, after: seam.nth - 1, ...ON_THE_WIRE[kind] });
  const stopListening = place.gateway.onCall(({ fault }) => {
    if (fault === name) met();
  });
  return () => {
    stopListening();
    place.gateway.faults.remove(name);
  };
};

const armSql: Take = (place, target, point, functionName, met) => {
  const state = { seen: 0, away: false };
  target.watchStatements?.((statement) => {
    if (state.away || place.observer.callerOf(statement.accessKeyId) !== functionName) return undefined;
    if (labelOf(statement) !== point.seam.operation) return undefined;
    state.seen += 1;
    const lasts = point.kind === 'throttled' || point.kind === 'timeout-before';
    if (lasts ? state.seen < point.seam.nth : state.seen !== point.seam.nth) return undefined;
    const interruption = INTERRUPTIONS[point.kind]?.(place, statement);
    if (interruption?.kind === 'cut-after') return noted(interruption, met);
    if (interruption) met();
    return interruption;
  });
  return () => {
    state.away = true;
  };
};

/** Delivered is a `cut-after` only when the server had answered. */
const noted = (interruption: Extract<Interruption, { kind: 'cut-after' }>, met: () => void): Interruption => ({
  kind: 'cut-after',
  effect() {
    met();
    interruption.effect?.();
  },
});

/** PostgreSQL documentation, "PostgreSQL Error Codes": 53300 too_many_connections, 28000 invalid_authorization, 42501 insufficient_privilege. */
const INTERRUPTIONS: Partial<Record<Kind, (place: Place, statement: Statement) => Interruption>> = {
  throttled: () => ({ kind: 'refuse', code: '53300', message: 'sorry, too many clients already' }),
  refused: (_, { sql }) =>
    sql === undefined
      ? { kind: 'refuse', code: '28000', message: 'PAM authentication failed' }
      : { kind: 'refuse', code: '42501', message: 'permission denied' },
  'timeout-before': () => ({ kind: 'cut-before' }),
  'timeout-after': () => ({ kind: 'cut-after' }),
  killed: (place, { accessKeyId }) => ({
    kind: 'cut-after',
    effect: () => {
      place.lambda.killWorker({ accessKeyId });
    },
  }),
};

/** Kinds that mean something at a seam: a login can be refused for want of a slot, a statement can't. */
export function kindsAt(seam: Seam): Kind[] {
  if (seam.service !== 'postgres')
    return ['throttled', 'refused', 'timeout-before', 'timeout-after', 'answers-lost', 'killed'];
  const always: Kind[] = ['refused', 'timeout-before', 'timeout-after', 'killed'];
  return seam.operation === 'login' ? ['throttled', ...always] : always;
}

/** Names a statement by its first two words; `login` where there is no statement yet. */
export const labelOf = ({ sql }: Pick<Statement, 'sql'>): string =>
  sql === undefined ? 'login' : sql.trim().split(/\s+/).slice(0, 2).join(' ');
