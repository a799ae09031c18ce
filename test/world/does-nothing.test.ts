import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { allScenarios, choose } from '../../local/scenarios/discover.ts';
import { playAll } from '../../local/scenarios/runner.ts';
import type { Scenario } from '../../local/scenarios/types.ts';
import { startWorld, type World } from '../../local/world/world.ts';
import { glob } from '../support/files.ts';

jest.setTimeout(600_000);

/** In a bundled remediation: `decide:` of the object that its handler hands to the engine. */
const DECIDE = /\bdecide:[A-Za-z_$][\w$]*(?=[,}])/g;

/** Replaces every remediation's `decide` by one that finds that all is well. @returns how many were replaced. */
function doNothing(folder: string): number {
  let replaced = 0;
  for (const file of glob(folder, '.cjs')) {
    const source = readFileSync(file, 'utf8');
    const found = source.match(DECIDE)?.length ?? 0;
    if (found === 0) continue;
    replaced += found;
    writeFileSync(file, source.replace(DECIDE, 'decide:()=>({kind:"fine",reason:"seeded: does nothing"})'));
  }
  return replaced;
}

const FUNCTIONS = join(import.meta.dirname, '../../functions');

/** How often recovery plans take a remediation as a step: its code is in their bundles, too. */
function stepsOfPlans(): number {
  const handlers = glob(join(FUNCTIONS, 'recovery'), 'handler.ts').map((file) => readFileSync(file, 'utf8'));
  return handlers.flatMap((source) => source.match(/remediations\/[\w-]+\/handler\.ts/g) ?? []).length;
}

/** No backup of the demo is copied to another region, and no alarm starts a recovery plan. */
const NOT_IN_DEMO = ['copy-snapshot', 'recover-service'];

describe('the demo, when every decide does nothing', () => {
  let world: World;
  let scenarios: Scenario<World>[] = [];
  let replaced = 0;
  beforeAll(async () => {
    // With the endpoint, the certificate and the events that aren't part of the demo, so that every remediation but that is deployed.
    scenarios = choose(await allScenarios<World>(), ['demo', 'site-down', 'certificate-expiring', 'aws-health']);
    world = await startWorld({
      environment: Object.assign({}, ...scenarios.map(({ environment }) => environment)),
      name: `does-nothing-${process.pid}`,
      editAssembly: (folder) => {
        replaced = doNothing(folder);
      },
    });
  });
  afterAll(() => world?.stop());

  it('is really seeded, in each remediation once, and once more in each plan that takes it as a step', () => {
    expect(stepsOfPlans()).toBeGreaterThan(0);
    const deployed = readdirSync(join(FUNCTIONS, 'remediations')).filter((name) => !NOT_IN_DEMO.includes(name));
    expect(replaced).toBe(deployed.length + stepsOfPlans());
  });

  it('fails in every scenario', async () => {
    expect(scenarios.length).toBeGreaterThan(3);
    const silent = { started: () => {}, step: () => {}, ended: () => {} };
    const results = await playAll(world, scenarios, silent, new AbortController().signal);
    expect(results.map(({ name, status }) => ({ name, status }))).toEqual(
      scenarios.map(({ name }) => ({ name, status: 'failed' })),
    );
  });
});
