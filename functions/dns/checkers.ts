/** What Route 53's checkers around the world say of a health check. */
import { GetHealthCheckStatusCommand, Route53Client } from '@aws-sdk/client-route-53';
import { clientDefaults } from '../engine/clients.ts';
import { classified } from './route53.ts';

const reading = new Route53Client(clientDefaults());

/** How many see the endpoint well, of those who told something lately. */
export interface CheckerVotes {
  readonly healthy: number;
  readonly all: number;
}

/** A report that is older tells nothing of now: checkers check every 10 or 30 seconds. */
const RECENT_MS = 180_000;

/**
 * "GetHealthCheckStatus": what each checker saw last. It isn't inverted and not the health check's own verdict, and is meant for few questions: here it is asked
 * once for each site when an alarm fires.
 * @throws EngineError
 */
export async function readVotes(healthCheckId: string, now: number): Promise<CheckerVotes> {
  try {
    const { HealthCheckObservations = [] } = await reading.send(
      new GetHealthCheckStatusCommand({ HealthCheckId: healthCheckId }),
    );
    const recent = HealthCheckObservations.flatMap(({ StatusReport }) => StatusReport ?? []).filter(
      ({ CheckedTime }) => CheckedTime !== undefined && now - CheckedTime.getTime() < RECENT_MS,
    );
    return { healthy: recent.filter(({ Status }) => Status?.startsWith('Success')).length, all: recent.length };
  } catch (error) {
    throw classified('route53:GetHealthCheckStatus', error);
  }
}
