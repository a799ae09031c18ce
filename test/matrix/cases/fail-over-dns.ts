/** `fail-over-dns` on records of one zone, each for one point: all lead to a site that is sick, and a second one is well. */
import type { Placement } from '../../../functions/remediations/fail-over-dns/decide.ts';
import { startSites } from '../../../local/services/sites.ts';
import { endpoint } from '../../support/fixtures.ts';
import type { Place } from '../place.ts';
import type { Inspection, MatrixCase, MatrixTarget, OpenCase, RecordedIntent } from '../types.ts';

const ZONE = 'matrix.test';
const CHECKED_WITHIN_MS = 20_000;

export const matrixCase: MatrixCase = {
  remediation: 'fail-over-dns',
  stages: ['firing', 'resolved'],
  targetsAtOnce: 20,
  open: async (place) => Records.open(place),
};

class Records implements OpenCase {
  readonly #place: Place;
  readonly #zoneId: string;
  readonly #sites: readonly (typeof endpoint)['sites'][number][];
  /** Batches that changed a record, by token: Route 53 refuses one whose old record is no longer there. */
  readonly #changes = new Map<string, number>();

  private constructor(place: Place, zoneId: string, sites: (typeof endpoint)['sites']) {
    this.#place = place;
    this.#zoneId = zoneId;
    this.#sites = sites;
  }

  static async open(place: Place): Promise<Records> {
    const { route53 } = place;
    const { east, west, port } = await startSites(place.world);
    east.sick(true);
    const sites = [east, west].map(({ name, address, url }) => ({
      name,
      target: address,
      healthCheckId: route53.createHealthCheck({ ipAddress: address, port, failureThreshold: 1 }),
      probeUrl: `${url}/health`,
    }));
    const until = Date.now() + CHECKED_WITHIN_MS;
    while (
      route53.healthy(sites[0]?.healthCheckId ?? '') !== false ||
      route53.reports(sites[1]?.healthCheckId ?? '') < 3
    ) {
      if (Date.now() > until) throw new Error(`the sites were not checked within ${CHECKED_WITHIN_MS} ms`);
      await new Promise((next) => setTimeout(next, 20));
    }
    return new Records(place, route53.createZone(ZONE), sites);
  }

  /** The alarm names the endpoint by its health check, which nobody here asks: its token will do. */
  configure(token: string) {
    const recordName = `${token}.${ZONE}`;
    const own = { name: token, zoneId: this.#zoneId, recordName, healthCheckId: token, sites: this.#sites };
    return { endpoint: { ...endpoint, ...own, failBack: 'person' as const } };
  }

  changes({ service, operation, body }: { service: string; operation: string; body: Buffer }): string | undefined {
    if (service !== 'route53' || operation !== 'ChangeResourceRecordSets') return undefined;
    const text = body.toString('utf8');
    const token = new RegExp(`<Name>(\\w+)\\.${ZONE}</Name>`).exec(text)?.[1];
    const old = /<Action>DELETE<\/Action>.*?<Value>([^<]+)<\/Value>/s.exec(text)?.[1];
    if (token && this.#addressOf(token) === old) this.#changes.set(token, (this.#changes.get(token) ?? 0) + 1);
    return token;
  }

  async target(token: string): Promise<MatrixTarget> {
    const { route53 } = this.#place;
    const name = `${token}.${ZONE}.`;
    const others = () => route53.recordsOf(this.#zoneId).filter((record) => record.name !== name);
    const first = { name, type: 'A', ttlSeconds: 60, values: [this.#sites[0]?.target ?? ''] };
    route53.setRecords(this.#zoneId, [...others(), first]);
    return {
      token,
      key: `dns-endpoint/${token}`,
      metric: {
        Namespace: 'AWS/Route53',
        MetricName: 'HealthCheckStatus',
        Dimensions: [{ Name: 'HealthCheckId', Value: token }],
      },
      ready: async () => {},
      inspect: async (intents) => this.#inspect(token, intents),
      dispose: async () => route53.setRecords(this.#zoneId, others()),
    };
  }

  #addressOf(token: string): string | undefined {
    const record = this.#place.route53.recordsOf(this.#zoneId).find(({ name }) => name === `${token}.${ZONE}.`);
    return record?.values[0];
  }

  #inspect(token: string, intents: readonly RecordedIntent[]): Inspection {
    const address = this.#addressOf(token);
    const addressOf = (placement: unknown) => {
      const { record } = placement as Placement;
      return 'values' in record ? record.values[0] : undefined;
    };
    const intent = intents.at(-1);
    const [before, after] = intent ? [addressOf(intent.before), addressOf(intent.after)] : [address, undefined];
    const state = address === after ? 'after' : address === before ? 'before' : 'beyond';
    return { state, changes: this.#changes.get(token) ?? 0, detail: `its record is ${address}` };
  }
}
