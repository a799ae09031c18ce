import { describe, expect, it } from '@jest/globals';
import { manifest } from '../../../functions/remediations/scale-in-service/manifest.ts';
import { ConfigurationError } from '../../../infra/config/faults.ts';
import { parseConfig } from '../../../infra/config/parse.ts';

function faultsOf(service: object): readonly unknown[] {
  const services = { backend: { cluster: 'orders', maxTasks: 10, ...service } };
  try {
    parseConfig({ region: 'eu-west-1', standbyRegion: 'eu-central-1', services }, [manifest]);
    return [];
  } catch (error) {
    if (error instanceof ConfigurationError) return error.faults;
    throw error;
  }
}

describe('scaling in', () => {
  it.each([
    [{}],
    [{ cpuBelowPercent: 0, containerInsights: false }],
    [{ cpuBelowPercent: 60, cpuAbovePercent: 80, containerInsights: true }],
    [{ cpuBelowPercent: 40, containerInsights: 'enhanced' }],
  ])('is configured by %j', (service) => {
    expect(faultsOf(service)).toEqual([]);
  });

  it('needs its tasks to be counted', () => {
    expect(faultsOf({ cpuBelowPercent: 40 })).toMatchObject([
      { path: 'services.backend.cpuBelowPercent', expected: expect.stringContaining('containerInsights') },
    ]);
  });

  it('ends far below where scaling out begins', () => {
    expect(faultsOf({ cpuBelowPercent: 61, cpuAbovePercent: 80, containerInsights: true })).toMatchObject([
      { path: 'services.backend.cpuBelowPercent', expected: expect.stringContaining('cpuAbovePercent (80)') },
    ]);
  });

  it('waits for whole periods of its alarm', () => {
    expect(faultsOf({ cpuBelowPercent: 40, containerInsights: true, idleForSeconds: 90 })).toMatchObject([
      { path: 'services.backend.idleForSeconds' },
    ]);
  });
});
