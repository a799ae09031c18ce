/** `renew-certificate` on certificates whose validation record is missing, each for one point: ACM renews them once it is there. */
import { planOf } from '../../../functions/remediations/renew-certificate/decide.ts';
import { certificate } from '../../support/fixtures.ts';
import { type Place, REGION } from '../place.ts';
import type { Inspection, MatrixCase, MatrixTarget, OpenCase, RecordedIntent } from '../types.ts';

const ZONE = 'renewed.test';

export const matrixCase: MatrixCase = {
  remediation: 'renew-certificate',
  stages: ['firing', 'resolved'],
  targetsAtOnce: 20,
  open: async (place) => new Certificates(place),
};

class Certificates implements OpenCase {
  readonly #place: Place;
  readonly #zoneId: string;
  /** Records that were created, by token: Route 53 refuses a second one of the same name. */
  readonly #changes = new Map<string, number>();

  constructor(place: Place) {
    this.#place = place;
    this.#zoneId = place.route53.createZone(ZONE);
  }

  configure(token: string) {
    const own = { name: token, arn: this.#arnOf(token), zones: { [ZONE]: this.#zoneId }, renewsWithinSeconds: 0 };
    return { certificate: { ...certificate, ...own } };
  }

  changes({ service, operation, body }: { service: string; operation: string; body: Buffer }): string | undefined {
    if (service !== 'route53' || operation !== 'ChangeResourceRecordSets') return undefined;
    const token = new RegExp(`<Name>[^<]*?(\\w+)\\.${ZONE}\\.?</Name>`).exec(body.toString('utf8'))?.[1];
    if (token && this.#recordOf(token) === undefined) this.#changes.set(token, (this.#changes.get(token) ?? 0) + 1);
    return token;
  }

  async target(token: string): Promise<MatrixTarget> {
    const { acm } = this.#place;
    const arn = acm.issue({ id: token, domains: [`${token}.${ZONE}`], daysLeft: 12, method: 'DNS' });
    return {
      token,
      key: `certificate/${token}`,
      metric: {
        ...{ Namespace: 'AWS/CertificateManager', MetricName: 'DaysToExpiry' },
        Dimensions: [{ Name: 'CertificateArn', Value: arn }],
      },
      ready: async () => {},
      inspect: async (intents) => this.#inspect(token, intents),
      dispose: async () => acm.remove(arn),
    };
  }

  #arnOf(token: string): string {
    return `arn:aws:acm:${REGION}:${this.#place.world.accountId}:certificate/${token}`;
  }

  #recordOf(token: string): string | undefined {
    const records = this.#place.route53.recordsOf(this.#zoneId);
    return records.find(({ name }) => name.endsWith(`.${token}.${ZONE}.`))?.values[0];
  }

  #inspect(token: string, intents: readonly RecordedIntent[]): Inspection {
    const value = this.#recordOf(token);
    const intent = intents.at(-1);
    const plan = intent && planOf({ summary: '', before: null, after: intent.after as never, undo: '' });
    const wanted = plan?.kind === 'records' ? plan.records[0]?.value : undefined;
    const state = value === undefined ? 'before' : value === wanted ? 'after' : 'beyond';
    return { state, changes: this.#changes.get(token) ?? 0, detail: `its validation record is ${value ?? 'missing'}` };
  }
}
