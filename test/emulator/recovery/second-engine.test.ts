/** The state machines of plans on an engine that somebody else wrote: what it asks of the plan's function, and how it ends. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { PlanManifest } from '../../../functions/recovery/manifest.ts';
import { stagesOf } from '../../../functions/recovery/plan.ts';
import { planDefinition } from '../../../infra/constructs/plan-definition.ts';
import { type Answer, type Play, type Played, playOnSecondEngine } from '../../second-engine/play.ts';

jest.setTimeout(600_000);
const ROOT = join(import.meta.dirname, '../../../functions/recovery');
const names = readdirSync(ROOT, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
const WAITS: Answer = { kind: 'wait', seconds: 5 };
const DONE: Answer = { kind: 'done' };
const FAILS: Answer = { error: 'PlanStepError' };
const PASSES: Answer = { error: 'Lambda.TooManyRequestsException' };

/** Two steps beside each other, which no plan has yet. */
const sideBySide: PlanManifest = {
  name: 'side-by-side',
  summary: 'Steps beside each other.',
  input: {},
  targets: { recoveryTimeSeconds: 60, dataLossSeconds: 0 },
  targetKinds: ['ecs-service'],
  severity: 'P2',
  permissions: [],
  timeoutSeconds: 30,
  memoryMegabytes: 128,
  steps: [
    ['first', []],
    ['left', ['first']],
    ['right', ['first']],
    ['last', ['left', 'right']],
  ].map(([name, after]) => ({
    ...{ name: name as string, does: `does ${String(name)}`, after: after as string[], budgetSeconds: 60 },
    undo: { kind: 'compensate', does: 'takes it back', budgetSeconds: 60 },
  })),
};

const manifests = new Map<string, PlanManifest>([[sideBySide.name, sideBySide]]);
const cases: { readonly plan: string; readonly what: string; readonly play: Play }[] = [];
let played: readonly Played[] = [];

const play = (plan: string, what: string, answers: Play['answers'], input: object = { given: 'x' }) => {
  const manifest = manifests.get(plan);
  if (!manifest) throw new Error(`${plan} is not there`);
  const definition = planDefinition(manifest, {
    ...{ partition: 'aws', functionArn: 'arn:aws:lambda:us-east-1:111122223333:function:played', answerSeconds: 35 },
  });
  cases.push({ plan, what, play: { definition, name: `run-${cases.length}`, input, answers } });
};

beforeAll(async () => {
  for (const name of names)
    manifests.set(name, ((await import(join(ROOT, name, 'manifest.ts'))) as { manifest: PlanManifest }).manifest);
  for (const [plan, { steps }] of manifests) {
    play(plan, 'well', { step: [PASSES, WAITS, DONE], open: [PASSES, DONE] });
    play(plan, 'refused', { open: [{ error: 'PlanRefusedError' }] });
    play(plan, 'not closed', { close: [{ error: 'Lambda.Unknown' }] });
    play(plan, 'a person', { step: [FAILS], 'back-out': [WAITS, { kind: 'needs-person' }] });
    play(plan, 'stopped', { step: [FAILS], 'back-out': [WAITS, { kind: 'backed-out', isStopped: true }] });
    play(plan, 'a rehearsal refused', { open: [{ error: 'PlanRefusedError' }] }, { rehearse: true });
    play(plan, 'a rehearsal taken back', { step: [FAILS], 'back-out': [{ kind: 'backed-out' }] }, { rehearse: true });
    for (const { name } of steps)
      play(plan, `fails ${name}`, { [`step ${name}`]: [WAITS, FAILS], 'back-out': [WAITS, { kind: 'backed-out' }] });
  }
  // One process for all: most of its time is starting.
  played = await playOnSecondEngine(cases.map((each) => each.play));
});

const of = (plan: string, what: string): Played => {
  const found = played[cases.findIndex((each) => each.plan === plan && each.what === what)];
  if (!found) throw new Error(`${plan}: ${what} was not played`);
  return found;
};
const doing = ({ asked }: Played) => asked.map((order) => [order.do, order.step].filter(Boolean).join(' '));
const stages = (plan: string) =>
  stagesOf(manifests.get(plan) ?? sideBySide).map((stage) => stage.map(({ name }) => name));

describe.each([...names, sideBySide.name])('%s on an engine that we did not write', (plan) => {
  it('opens, takes its steps in their order, each until it is done and again after what passes by itself, and closes', () => {
    const run = of(plan, 'well');
    expect(run.status).toBe('SUCCEEDED');
    const steps = doing(run).slice(2, -1);
    expect(doing(run).slice(0, 2)).toEqual(['open', 'open']);
    expect(doing(run).at(-1)).toBe('close');
    let from = 0;
    for (const stage of stages(plan)) {
      const turns = steps.slice(from, from + 3 * stage.length);
      // Those beside each other come in any order.
      expect([...turns].sort()).toEqual(stage.flatMap((name) => Array(3).fill(`step ${name}`)).sort());
      from += turns.length;
    }
    expect(from).toBe(steps.length);
    expect(run.asked[0]).toEqual({ run: expect.stringMatching(/^run-\d+$/), do: 'open', input: { given: 'x' } });
  });

  it('backs out when a step fails, which is not asked again, and takes none that comes after it', () => {
    for (const [index, stage] of stages(plan).entries())
      for (const name of stage) {
        const run = of(plan, `fails ${name}`);
        expect([name, run.status, run.error]).toEqual([name, 'FAILED', 'BackedOut']);
        const asked = doing(run);
        expect(asked.filter((each) => each === `step ${name}`)).toHaveLength(2);
        // A step beside it may still be asked about.
        const others = stage.filter((other) => other !== name).map((other) => `step ${other}`);
        expect(asked.filter((each) => !others.includes(each)).slice(-2)).toEqual(['back-out', 'back-out']);
        const later = stages(plan)
          .slice(index + 1)
          .flat();
        expect(later.filter((each) => asked.includes(`step ${each}`))).toEqual([]);
        expect(run.asked.findLast((order) => order.do === 'back-out')).toMatchObject({ why: 'PlanStepError' });
      }
  });

  it('begins nothing when it is refused, and says when a person is needed or it could not be closed', () => {
    expect(doing(of(plan, 'refused'))).toEqual(['open']);
    expect(of(plan, 'a person').error).toBe('NeedsPerson');
    for (const what of ['refused', 'stopped', 'a rehearsal refused', 'a rehearsal taken back'])
      expect([what, of(plan, what).status]).toEqual([what, 'SUCCEEDED']);
    const left = of(plan, 'not closed');
    expect(left.error).toBe('NotClosed');
    expect(doing(left).filter((each) => each === 'close')).toHaveLength(51);
    expect(doing(left)).not.toContain('back-out');
  });
});
