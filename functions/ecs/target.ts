/** What every remediation of a service says of its targets. Pure. */
import type { RuntimeConfig, ServiceConfig } from '../engine/config.ts';

export const ofService = {
  targetOf: (key: string, config: RuntimeConfig): ServiceConfig | undefined =>
    Object.values(config.services).find((each) => key === `ecs-service/${each.cluster}/${each.service}`),
  /** A service is no better than the databases that it depends on: while one of them is in trouble, changing the service isn't the cure. */
  upstreamsOf: (target: ServiceConfig): readonly string[] => target.dependsOn.map((name) => `rds-instance/${name}`),
};
