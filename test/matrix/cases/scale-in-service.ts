/** `scale-in-service` on services with real tasks, of which one would do: two become one. */
import { ScaledServices } from '../scaled-services.ts';
import type { MatrixCase } from '../types.ts';

export const matrixCase: MatrixCase = {
  remediation: 'scale-in-service',
  stages: ['firing', 'resolved'],
  targetsAtOnce: 12,
  open: (place) =>
    ScaledServices.open(place, {
      ...{ cluster: 'idle', tasks: 2, metricName: 'CPUUtilization', below: true },
      usageAt: () => 10,
      tasksOf: (side) => (side as { desired: number }).desired,
    }),
};
