/** What the engine is given for the canary. Pure. */
import type { Protected, RuntimeConfig } from '../../engine/config.ts';
import type { Remediation } from '../../engine/remediation.ts';
import { CANARY_LADDERS, manifest } from './manifest.ts';

/** The deployment is its own canary's target. */
export const canaryTarget = (deployment: string): string => `canary/${deployment}`;

const nothing = { summary: 'change nothing', before: null, after: null, undo: 'there is nothing to undo' } as const;

export const canary: Remediation<Protected, null> = {
  manifest,
  targetOf: (key, { name }) => (key === canaryTarget(name) ? { severity: 'P4' } : undefined),
  upstreamsOf: () => [],
  observe: async () => null,
  decide: () => ({ kind: 'act', change: nothing }),
  act: async () => ({ summary: 'changed nothing', data: {} }),
  alreadyApplied: () => 'yes',
  verify: ({ alarmsOk }) =>
    alarmsOk ? { kind: 'good', detail: 'its alarm is OK again' } : { kind: 'not-yet', detail: 'its alarm still fires' },
};

/**
 * The deployment's configuration as it holds for the canary: it always acts, whatever the mode, windows don't concern it, and a storm is nothing that it
 * is part of. The switch does concern it: paused, it comes all the way without its change.
 */
export function canaryConfig(config: RuntimeConfig): RuntimeConfig {
  const { cooldownSeconds, perTargetPerHour, perRunbookPerHour } = manifest.defaults;
  return {
    ...config,
    runbooks: {
      ...config.runbooks,
      [manifest.name]: { mode: 'auto', cooldownSeconds, perTargetPerHour, perRunbookPerHour },
    },
    ladders: { ...config.ladders, ...CANARY_LADDERS },
    windows: [],
    // Nothing begins within no time.
    storm: { ...config.storm, withinSeconds: 0 },
  };
}
