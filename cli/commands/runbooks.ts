/** `nightshift runbooks`: what each runbook may do, has done within the last hour, and would have done. */
import type { IncidentWithTimeline } from '../../events/journal.ts';
import type { RunbooksDocument } from '../../events/published/runbooks.ts';
import { FLEET, removalBudget, slotsTaken } from '../../functions/engine/budget.ts';
import { listIncidents } from '../../functions/engine/journal-reader.ts';
import type { Store } from '../../functions/engine/store.ts';
import { DID_SAME } from '../../functions/engine/would.ts';
import { UsageError } from '../../local/world/errors.ts';
import type { Command } from '../command.ts';
import type { ReadDeployment } from '../deployment.ts';
import { type Io, table } from '../io.ts';
import { type Place, placeOf } from '../place.ts';

export interface RunbookParts {
  readonly open: (place: Place) => Store;
  readonly deployment: ReadDeployment;
}

/** Newest incidents that the score is made of. */
const INCIDENTS = 500;

export const runbooks = ({ open, deployment }: RunbookParts): Command => ({
  name: 'runbooks',
  usage: 'runbooks',
  summary: 'Lists runbooks: mode, limits, budget used within the last hour, and what they would have done.',
  run: async (words, { json }, { io, place }) => {
    if (words.length > 0) throw new UsageError(`runbooks takes no words, found "${words.join(' ')}"`);
    const where = await place();
    const store = open(where);
    const { config } = await deployment(where);
    const now = Date.now();
    const removals = removalBudget(config);
    const names = Object.keys(config.runbooks);
    const [incidents, fleetUsed, removalsUsed, ...used] = await Promise.all([
      listIncidents(store, { limit: INCIDENTS }),
      slotsTaken(store, FLEET, now),
      slotsTaken(store, removals.scope, now),
      ...names.map((name) => slotsTaken(store, name, now)),
    ]);
    const document: RunbooksDocument = {
      version: 1,
      place: placeOf(where),
      fleet: { usedThisHour: fleetUsed, perHour: config.fleet.changesPerHour },
      removals: { usedThisHour: removalsUsed, perHour: removals.limit },
      runbooks: Object.entries(config.runbooks).map(([name, limits], index) => ({
        name,
        mode: limits.mode,
        cooldownSeconds: limits.cooldownSeconds,
        perTargetPerHour: limits.perTargetPerHour,
        perRunbookPerHour: limits.perRunbookPerHour,
        usedThisHour: used[index] ?? 0,
        ...scored(name, limits.mode, scoreOf(name, incidents, config.verifyWithinSeconds)),
      })),
    };
    if (json) io.out(JSON.stringify(document));
    else for (const line of lines(document, io)) io.out(line);
  },
});

/**
 * Pure. An incident counts once for a remediation that said what it would do. It cleared alone when it was resolved within the verify time
 * after that, without a change and without a person's word. Somebody else did the same when the target was found as it would have left it: then it
 * didn't clear alone.
 */
export function scoreOf(
  remediation: string,
  incidents: readonly IncidentWithTimeline[],
  verifyWithinSeconds: number,
): RunbooksDocument['runbooks'][number]['score'] {
  const score = { wouldHaveActed: 0, clearedAlone: 0, sameByPerson: 0, escalated: 0 };
  for (const { timeline } of incidents) {
    const would = timeline.find(
      ({ kind, by, data }) =>
        kind === 'decided' && by === remediation && typeof data.change === 'string' && data.change !== '',
    );
    if (!would) continue;
    score.wouldHaveActed++;
    if (timeline.some(({ kind }) => kind === 'escalated')) score.escalated++;
    const same = timeline.some(({ by, data }) => by === remediation && data.did === DID_SAME);
    if (same) score.sameByPerson++;
    const over = timeline.find(({ kind }) => kind === 'resolved');
    const byItself = !same && !over?.by.startsWith('person:') && !timeline.some(({ kind }) => kind === 'intent');
    if (over && byItself && Date.parse(over.at) <= Date.parse(would.at) + verifyWithinSeconds * 1000)
      score.clearedAlone++;
  }
  return score;
}

function lines({ fleet, removals, runbooks: all }: RunbooksDocument, { colours }: Io): string[] {
  const head = [
    'runbook',
    'mode',
    'last hour',
    'per target and hour',
    'cooldown',
    'would have acted',
    'cleared alone',
    'person did the same',
  ];
  const rows = all.map(({ name, mode, usedThisHour, perRunbookPerHour, perTargetPerHour, cooldownSeconds, score }) => [
    name,
    mode,
    `${usedThisHour} of ${perRunbookPerHour}`,
    String(perTargetPerHour),
    `${cooldownSeconds} s`,
    score.wouldHaveActed === 0 ? '-' : `${score.wouldHaveActed} times`,
    score.wouldHaveActed === 0 ? '-' : String(score.clearedAlone),
    score.wouldHaveActed === 0 ? '-' : String(score.sameByPerson),
  ]);
  return [
    ...table([head, ...rows]),
    colours.dim(
      `all together: ${fleet.usedThisHour} of ${fleet.perHour} changes within the last hour; taken away: ${removals.usedThisHour} of ${removals.perHour}`,
    ),
    ...all.flatMap(advice),
  ];
}

/** The score, and the promotion that it offers, if any. */
function scored(
  name: string,
  mode: RunbooksDocument['runbooks'][number]['mode'],
  score: RunbooksDocument['runbooks'][number]['score'],
) {
  const promotion = promotionOf(name, mode, score);
  return { score, ...(promotion && { promotion }) };
}

/** Incidents that have to be seen before a promotion is offered: one or two prove nothing. */
const EVIDENCE = 3;

/** Pure. Promotion is only ever offered, with the line of the configuration that a person would change. */
export function promotionOf(
  name: string,
  mode: RunbooksDocument['runbooks'][number]['mode'],
  { wouldHaveActed, clearedAlone }: RunbooksDocument['runbooks'][number]['score'],
): RunbooksDocument['runbooks'][number]['promotion'] {
  const needed = wouldHaveActed - clearedAlone;
  if (mode !== 'observe' || wouldHaveActed < EVIDENCE || needed <= clearedAlone) return undefined;
  return { to: 'approve', line: `runbooks: { '${name}': { mode: 'approve' } }` };
}

function advice({ name, mode, score, promotion }: RunbooksDocument['runbooks'][number]): string[] {
  const { wouldHaveActed, clearedAlone, sameByPerson } = score;
  if (mode !== 'observe' || wouldHaveActed === 0) return [];
  const needed = wouldHaveActed - clearedAlone;
  if (needed === 0)
    return [
      `${name}: every one of its ${wouldHaveActed} incidents cleared alone: raise its threshold rather than its mode`,
    ];
  const same = sameByPerson > 0 ? `, in ${sameByPerson} somebody did what it would have done` : '';
  const seen = `${name}: ${needed} of ${wouldHaveActed} incidents did not clear alone${same}`;
  return [
    promotion
      ? `${seen}: read what it would have done ("nightshift incidents"), and if you agree, let it ask: ${promotion.line}`
      : `${seen}: too little to say yet whether it should act`,
  ];
}
