/** `call-person` on events of AWS Health, each for one point: nothing is changed, a person is called, and the end that AWS tells ends the incident. */
import { operationalIssue } from '../../../local/scenarios/support/health.ts';
import { REGION } from '../place.ts';
import type { MatrixCase, MatrixTarget, OpenCase } from '../types.ts';

export const matrixCase: MatrixCase = {
  remediation: 'call-person',
  stages: ['firing', 'resolved'],
  toldByEvents: true,
  callsOnly: true,
  targetsAtOnce: 20,
  open: async () => new HealthEvents(),
};

class HealthEvents implements OpenCase {
  /** An event is a target by itself. */
  configure() {
    return {};
  }

  changes() {
    return undefined;
  }

  async target(token: string): Promise<MatrixTarget> {
    return {
      token,
      key: `aws-health/${token}`,
      metric: { Namespace: '', MetricName: '', Dimensions: [] },
      // A trouble of what Nightshift itself rests on: no database has to be protected for it.
      tell: (state) =>
        operationalIssue({
          name: token,
          service: 'LAMBDA',
          statusCode: state === 'OK' ? 'closed' : 'open',
          entities: [],
          region: REGION,
        }),
      ready: async () => {},
      inspect: async () => ({ state: 'before', changes: 0, detail: 'nothing is changed' }),
      dispose: async () => {},
    };
  }
}
