/** Which databases the time is written into. */
import type { DeploymentConfig } from './schema.ts';

export const hasHeartbeat = ({ databases }: Pick<DeploymentConfig, 'databases'>): boolean =>
  Object.values(databases).some(({ heartbeat }) => heartbeat);

/** The same configuration with those databases only: what the function that writes is granted. */
export const withHeartbeat = (config: DeploymentConfig): DeploymentConfig => ({
  ...config,
  databases: Object.fromEntries(Object.entries(config.databases).filter(([, { heartbeat }]) => heartbeat)),
});
