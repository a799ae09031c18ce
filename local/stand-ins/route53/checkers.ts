/**
 * Route 53's health checkers: each asks the endpoint itself over HTTP ("How Amazon Route 53 determines whether a health check is healthy": status 2xx or 3xx
 * within two seconds of connecting, four seconds to connect), and changes its mind after `FailureThreshold` checks in a row. AWS has them in up to 15 places and
 * has each check every 10 or 30 seconds; here there are three that check every second. HTTPS certificates aren't validated, as on AWS.
 */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { MetricSink, WorldContext } from '../../world/types.ts';
import { type HealthCheck, type HealthCheckConfig, isHealthy, type Route53State } from './model.ts';

/** Regions that AWS names in its examples of GetHealthCheckStatus. */
export const CHECKER_REGIONS = ['us-east-1', 'eu-west-1', 'ap-southeast-2'] as const;
const TIMEOUT_MS = 2_000;

export interface CheckersOptions {
  readonly everyMs: number;
  readonly metrics: MetricSink;
  /** The first address that the name servers here give for a name. */
  addressOf(domainName: string): string | undefined;
}

/** Starts checking; returns what ends it. */
export function startCheckers(
  world: Pick<WorldContext, 'log'>,
  state: Route53State,
  options: CheckersOptions,
): () => void {
  let busy = false;
  /** Checks in a row that were against what the checker believes, by health check and region. */
  const against = new Map<string, number>();
  const round = async () => {
    if (busy) return;
    busy = true;
    try {
      await Promise.all([...state.healthChecks.values()].map((check) => lookAt(check, options, against)));
    } catch (error) {
      world.log('route53', `health checks: ${error instanceof Error ? error.message : String(error)}`);
    }
    busy = false;
  };
  const timer = setInterval(round, options.everyMs);
  timer.unref();
  return () => clearInterval(timer);
}

async function lookAt(check: HealthCheck, options: CheckersOptions, against: Map<string, number>): Promise<void> {
  if (!check.config.disabled)
    await Promise.all(
      CHECKER_REGIONS.map(async (region) => {
        const { ok, status } = await probe(check.config, options);
        const key = `${check.id} ${region}`;
        const before = check.reports.get(region)?.healthy;
        const count = before === undefined || before === ok ? 0 : (against.get(key) ?? 0) + 1;
        const turned = count >= check.config.failureThreshold;
        against.set(key, turned ? 0 : count);
        const healthy = before === undefined || turned ? ok : before;
        check.reports.set(region, { region, healthy, status, checkedAt: new Date() });
      }),
    );
  const at = new Date();
  const put = (name: string, value: number) =>
    // "Monitoring health checks using CloudWatch": Route 53's metrics are in us-east-1, wherever the endpoint is.
    options.metrics.put({
      ...{ region: 'us-east-1', namespace: 'AWS/Route53', name, value, at },
      dimensions: { HealthCheckId: check.id },
    });
  put('HealthCheckStatus', isHealthy(check) ? 1 : 0);
  const reports = [...check.reports.values()];
  if (reports.length > 0)
    put('HealthCheckPercentageHealthy', (100 * reports.filter(({ healthy }) => healthy).length) / reports.length);
}

function probe(config: HealthCheckConfig, options: CheckersOptions): Promise<{ ok: boolean; status: string }> {
  const host = config.ipAddress ?? options.addressOf(config.domainName ?? '');
  if (!host) return Promise.resolve({ ok: false, status: 'Failure: DNS resolution failed' });
  const { port, resourcePath: path } = config;
  return new Promise((resolve) => {
    const failed = (why: string) => resolve({ ok: false, status: `Failure: ${why}` });
    const ask = config.type === 'HTTPS' ? httpsRequest : httpRequest;
    const request = ask(
      {
        ...{ host, port, path, agent: false, timeout: TIMEOUT_MS, rejectUnauthorized: false },
        headers: { host: config.domainName ?? host, 'user-agent': 'Amazon-Route53-Health-Check-Service (local world)' },
      },
      (reply) => {
        reply.resume();
        const code = reply.statusCode ?? 0;
        const said = `HTTP Status Code ${code}, ${reply.statusMessage}`;
        if (code >= 200 && code < 400) resolve({ ok: true, status: `Success: ${said}` });
        else failed(said);
      },
    );
    request.on('timeout', () => request.destroy(new Error('the endpoint did not answer in time')));
    request.on('error', (error) => failed(error.message));
    request.end();
  });
}
