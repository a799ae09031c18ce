/** Every plan that can be deployed: as data, as a state machine, and with code for each step. */
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { PlanCode } from '../../../functions/recovery/around.ts';
import { faultsOfPlan, longestSeconds } from '../../../functions/recovery/plan.ts';
import { MOST_TURNS, planDefinition } from '../../../infra/constructs/plan-definition.ts';
import { type Asl, faultsOf } from '../../support/asl-graph.ts';

const ROOT = join(import.meta.dirname, '../../../functions/recovery');
const names = readdirSync(ROOT, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
// CommonJS, and without types of its own that resolve here.
const validate = createRequire(import.meta.url)('asl-validator') as (definition: object) => {
  readonly isValid: boolean;
  readonly errorsText: () => string;
};

describe.each(names)('the plan %s', (name) => {
  const load = async () => {
    const { code } = (await import(join(ROOT, name, 'handler.ts'))) as { code: PlanCode<unknown> };
    return code;
  };
  const definitionOf = async () =>
    planDefinition((await load()).manifest, {
      partition: 'aws',
      functionArn: 'arn:aws:lambda:us-east-1:1:function:p',
      answerSeconds: 35,
    });

  it('has no faults, a name like its folder, and budgets that keep its target', async () => {
    const { manifest } = await load();
    expect(faultsOfPlan(manifest)).toEqual([]);
    expect(manifest.name).toBe(name);
    expect(manifest.targets.recoveryTimeSeconds).toBeLessThanOrEqual(longestSeconds(manifest));
  });

  it('has code for each step, and a way back exactly where it says so', async () => {
    const { manifest, steps } = await load();
    expect(Object.keys(steps).sort()).toEqual(manifest.steps.map((step) => step.name).sort());
    for (const step of manifest.steps)
      expect([step.name, steps[step.name]?.compensation !== undefined]).toEqual([
        step.name,
        step.undo.kind === 'compensate',
      ]);
  });

  it('compiles to a state machine whose every state ends, whose tasks have time limits, retries and a catch', async () => {
    const definition = (await definitionOf()) as Asl;
    const counted = [`< ${MOST_TURNS}`, `< ${Math.floor(MOST_TURNS / (await load()).manifest.steps.length)}`];
    expect(faultsOf(definition, counted)).toEqual([]);
  });

  it('compiles to what an independent validator of the Amazon States Language takes', async () => {
    const result = validate(await definitionOf());
    expect(result.isValid ? 'valid' : result.errorsText()).toBe('valid');
  });
});
