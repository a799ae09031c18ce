/** `scale-out-service` on services with real tasks: one task becomes two, and is one again after the hand-back. */
import { ScaledServices } from '../scaled-services.ts';
import type { MatrixCase } from '../types.ts';

/** Its forced deployments are the other change that a service may get. */
const RIVAL = 'restart-service';

export const matrixCase: MatrixCase = {
  remediation: 'scale-out-service',
  stages: ['firing', 'resolved', 'hand-back'],
  rival: RIVAL,
  targetsAtOnce: 20,
  open: (place) =>
    ScaledServices.open(place, {
      ...{ cluster: 'orders', tasks: 1 },
      // The alarm is OK when it comes to handing back, which is judged by CPU and memory.
      metricName: 'MemoryUtilization',
      restartedBy: RIVAL,
      usageAt: (stage) => (stage === 'hand-back' ? 10 : undefined),
      tasksOf: (side) => (side as { value: number }).value,
    }),
};
