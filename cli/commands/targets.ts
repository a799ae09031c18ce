/** `nightshift targets`, `take-over` and `release`: what is protected, and whose hands it is in. */
import type { HoldDocument, TargetDocument, TargetsDocument } from '../../events/published/targets.ts';
import { changesWithinHour, takenOverBy } from '../../functions/engine/guard.ts';
import type { TargetItem } from '../../functions/engine/items.ts';
import { readTargets, release, takeOver } from '../../functions/engine/operator.ts';
import type { Hold } from '../../functions/engine/remediation.ts';
import type { Store } from '../../functions/engine/store.ts';
import { UsageError } from '../../local/world/errors.ts';
import type { Command, CommandContext, Options } from '../command.ts';
import {
  chooseTarget,
  type Deployment,
  type ProtectedTarget,
  protectedTargets,
  type ReadDeployment,
} from '../deployment.ts';
import { parseDuration } from '../duration.ts';
import { table } from '../io.ts';
import { type Place, placeOf } from '../place.ts';
import { clock } from './incidents.ts';

/** What these commands reach a place with; tests hand in their own. */
export interface TargetParts {
  readonly open: (place: Place) => Store;
  readonly deployment: ReadDeployment;
  readonly person: (place: Place) => Promise<string>;
}

const DEFAULT_FOR = '2h';
const LEAST_SECONDS = 60;
const MOST_SECONDS = 7 * 86_400;

export const targetCommands = (parts: TargetParts): Command[] => [
  {
    name: 'targets',
    usage: 'targets',
    summary: 'Lists what is protected: in whose hands, what is held, and how many changes are left.',
    run: async (words, options, context) => {
      if (words.length > 0) throw new UsageError(`targets takes no words, found "${words.join(' ')}"`);
      const place = await context.place();
      const deployment = await parts.deployment(place);
      await show(parts, place, deployment, protectedTargets(deployment.config), options, context);
    },
  },
  {
    name: 'take-over',
    usage: 'take-over <target> [--for 2h] [--reason <why>]',
    summary: "Takes a target out of Nightshift's hands for a while.",
    run: async (words, options, context) => {
      const seconds = parseDuration('--for', options.for ?? DEFAULT_FOR, LEAST_SECONDS, MOST_SECONDS);
      const { place, deployment, target } = await find(parts, words, context);
      await context.confirm(`keep Nightshift's hands off ${target.key} for ${options.for ?? DEFAULT_FOR}`);
      const by = await parts.person(place);
      const now = Date.now();
      const decided = { by, reason: options.reason ?? 'no reason given', until: now + seconds * 1000 };
      const { leaseHolder } = await takeOver(parts.open(place), target.key, decided, now);
      if (leaseHolder)
        context.io.err(`${leaseHolder} was under way already: it may still be made (see "nightshift targets")`);
      await show(parts, place, deployment, [target], options, context);
    },
  },
  {
    name: 'release',
    usage: 'release <target> [--reason <why>]',
    summary: 'Gives a target back to Nightshift, which looks at it afresh.',
    run: async (words, options, context) => {
      const { place, deployment, target } = await find(parts, words, context);
      await context.confirm(`give ${target.key} back to Nightshift`);
      const by = await parts.person(place);
      await release(parts.open(place), target.key, { by, reason: options.reason ?? 'no reason given' });
      await show(parts, place, deployment, [target], options, context);
    },
  },
];

async function find(parts: TargetParts, words: readonly string[], { place: placeFound }: CommandContext) {
  const [word, ...more] = words;
  if (word === undefined || more.length > 0) throw new UsageError('expected one target: see "nightshift targets"');
  const place = await placeFound();
  const deployment = await parts.deployment(place);
  return { place, deployment, target: chooseTarget(word, protectedTargets(deployment.config)) };
}

async function show(
  { open }: TargetParts,
  place: Place,
  deployment: Deployment,
  targets: readonly ProtectedTarget[],
  { json }: Options,
  { io }: CommandContext,
): Promise<void> {
  const now = Date.now();
  const items = await readTargets(
    open(place),
    targets.map(({ key }) => key),
  );
  const described = targets.flatMap((target) => {
    const item = items.get(target.key);
    return item ? [describeTarget(target, item, deployment, now)] : [];
  });
  if (json) io.out(JSON.stringify({ version: 1, place: placeOf(place), targets: described } satisfies TargetsDocument));
  else for (const line of lines(described)) io.out(line);
}

/** Pure: one target as it is published. */
export function describeTarget(
  { key, kind }: ProtectedTarget,
  item: TargetItem,
  { config, manifests }: Pick<Deployment, 'config' | 'manifests'>,
  now: number,
): TargetDocument {
  const { leaseHolder, leaseUntil = 0, handsOffUntil = 0, openIncidentId } = item;
  const holds = item.holds.map(describeHold);
  const taken = takenOverBy(item, now);
  return {
    target: key,
    ...(taken && { takenOver: { ...taken, until: iso(taken.until) } }),
    ...(handsOffUntil > now && { handsOffUntil: iso(handsOffUntil) }),
    ...(leaseHolder !== undefined && { lease: { actionId: leaseHolder, until: iso(leaseUntil) } }),
    ...(holds.length > 0 && { hold: holds[0], holds }),
    ...(openIncidentId !== undefined && { openIncidentId }),
    runbooks: manifests
      .filter(({ targetKind }) => targetKind === kind)
      .flatMap(({ name }) => {
        const limits = config.runbooks[name];
        if (!limits) return [];
        const made = changesWithinHour(item, name, now).length;
        const cooldownUntil = item.cooldownUntil[name] ?? 0;
        return [
          {
            name,
            mode: limits.mode,
            ...(cooldownUntil > now && { cooldownUntil: iso(cooldownUntil) }),
            changesWithinHour: made,
            changesLeft: Math.max(0, limits.perTargetPerHour - made),
          },
        ];
      }),
  };
}

function describeHold({ remediation, field, value, baseline, since, postponed }: Hold): HoldDocument {
  const later = postponed && { postponed: { why: postponed.why, until: iso(postponed.until) } };
  return { remediation, field, value, baseline, since, ...later };
}

const iso = (at: number): string => new Date(at).toISOString();

function lines(targets: readonly TargetDocument[]): string[] {
  if (targets.length === 0) return ['nothing is protected'];
  const head = ['target', 'in the hands of', 'incident', 'held', 'runbook', 'mode', 'changes left', 'not before'];
  const rows = targets.flatMap((each) => {
    const first = [each.target, handsText(each), each.openIncidentId ?? '-', heldText(each)];
    const runbooks = each.runbooks.length > 0 ? each.runbooks : [undefined];
    return runbooks.map((runbook, index) => [
      ...(index === 0 ? first : ['', '', '', '']),
      runbook?.name ?? '-',
      runbook?.mode ?? '-',
      runbook ? `${runbook.changesLeft} of ${runbook.changesLeft + runbook.changesWithinHour}` : '-',
      runbook?.cooldownUntil ? clock(runbook.cooldownUntil) : '-',
    ]);
  });
  return table([head, ...rows]);
}

function handsText({ takenOver, handsOffUntil, lease }: TargetDocument): string {
  if (takenOver) return `${takenOver.by} until ${clock(takenOver.until)} (${takenOver.reason})`;
  if (lease) return `Nightshift: ${lease.actionId} is under way`;
  return handsOffUntil ? `nobody: hands off until ${clock(handsOffUntil)}` : 'Nightshift';
}

const heldText = ({ holds = [] }: TargetDocument): string =>
  holds
    .map(({ field, value, baseline, postponed }) => {
      const later = postponed ? ` (not handed back until ${clock(postponed.until)}: ${postponed.why})` : '';
      return `${field} ${value} instead of ${baseline}${later}`;
    })
    .join(', ') || '-';
