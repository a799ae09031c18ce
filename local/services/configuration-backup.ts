/** Backups of how the demo is configured. Only where a scenario asks for it. */
import type { ConfigInput } from '../../infra/config/schema.ts';

export const CONFIGURATION = {
  /** Set to have them. */
  switch: 'NIGHTSHIFT_DEMO_CONFIGURATION',
  /** Beginnings of names of what the demo's company has. */
  prefix: 'orders-',
  path: '/orders/',
} as const;

/** The part of the configuration that says so: nothing where no scenario asks. */
export function demoConfigurationBackup(environment: NodeJS.ProcessEnv): Pick<ConfigInput, 'configurationBackup'> {
  if (environment[CONFIGURATION.switch] === undefined) return {};
  const { prefix, path } = CONFIGURATION;
  return { configurationBackup: { parameters: [path], alarms: [prefix], rules: [prefix], stateMachines: [prefix] } };
}
