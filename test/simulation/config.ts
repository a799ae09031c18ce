/** The configuration of a simulated deployment. */
import type { Mode, RuntimeConfig } from '../../functions/engine/config.ts';
import type { Scenario } from './scenario.ts';
import { LADDERS, REMEDIATIONS } from './targets.ts';

export function configOf(
  { limits, stormTargets }: Pick<Scenario, 'limits' | 'stormTargets'>,
  mode: Mode,
): RuntimeConfig {
  const runbook = {
    mode,
    cooldownSeconds: 300,
    perTargetPerHour: limits.perTarget,
    perRunbookPerHour: limits.perRunbook,
  };
  return {
    version: 1,
    name: 'simulated',
    region: 'us-east-1',
    standbyRegion: 'us-west-2',
    services: {},
    databases: {},
    endpoints: {},
    certificates: {},
    runbooks: Object.fromEntries(REMEDIATIONS.map((name) => [name, runbook])),
    ladders: LADDERS,
    fleet: { changesPerHour: limits.fleet, removalsPerHour: limits.removals, describesPerSecond: 1000 },
    storm: { targets: stormTargets, withinSeconds: 300 },
    windows: [],
    people: {},
    approvals: { validForSeconds: 3600 },
    escalation: {
      levels: [{ name: 'primary', afterMinutes: 0, channels: [] }],
      acknowledgeWithinMinutes: { P1: 5, P2: 15, P3: 60, P4: 1440 },
      repeatEveryMinutes: 60,
      acknowledgementLastsMinutes: 480,
      businessHours: { timeZone: 'UTC', days: ['mon'], from: '09:00', to: '17:00' },
    },
    firstEvaluationHoldSeconds: 120,
    handsOffSeconds: 3600,
    staleAfterSeconds: 900,
    reconcileEverySeconds: 300,
    alarmPeriodSeconds: 60,
    metricPeriodSeconds: 60,
    verifyWithinSeconds: 600,
  };
}
