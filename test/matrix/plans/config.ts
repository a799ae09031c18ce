/** What the plans under test are configured with: a service of its own for each point. */
import type { RuntimeConfig, ServiceConfig } from '../../../functions/engine/config.ts';
import { service } from '../../support/fixtures.ts';
import { laneConfig } from '../jobs/config.ts';

export const CLUSTER = 'recovering';
/** Points of all deliveries of one plan, with those that are tried again. */
const SERVICES = 3_000;

const nameOf = (index: number): string => `sick${String(index).padStart(4, '0')}`;
const serviceOf = (name: string): ServiceConfig => ({
  ...{ ...service, name, cluster: CLUSTER, service: name, minTasks: 1, maxTasks: 4, dependsOn: [] },
});

const SERVICE_CONFIGS: RuntimeConfig['services'] = Object.fromEntries(
  Array.from({ length: SERVICES }, (_, index) => [nameOf(index), serviceOf(nameOf(index))]),
);

export const planConfig = (name: string, lane: number): RuntimeConfig => ({
  ...laneConfig(name, lane),
  databases: {},
  services: SERVICE_CONFIGS,
});

const used = { services: 0 };

/** The name of a service that no point has had yet. @throws Error when there are no more. */
export function nextService(): string {
  const index = used.services++;
  if (index >= SERVICES) throw new Error(`more than ${SERVICES} services are needed: raise SERVICES`);
  return nameOf(index);
}
