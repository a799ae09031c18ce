import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { manifest } from '../../../functions/remediations/scale-out-service/manifest.ts';
import { ConfigurationError } from '../../../infra/config/faults.ts';
import { parseConfig } from '../../../infra/config/parse.ts';
import example from '../../../nightshift.config.ts';

/** Paths of all values in an object, of leaves and of what holds them. */
function pathsOf(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, inner]) => pathsOf(inner, [...path, key]))];
}

function replaceAt(value: unknown, [key, ...rest]: readonly string[], by: unknown): unknown {
  if (key === undefined) return by;
  const copy: Record<string, unknown> = { ...(value as Record<string, unknown>) };
  copy[key] = replaceAt(copy[key], rest, by);
  return Array.isArray(value) ? Object.values(copy) : copy;
}

describe('parseConfig', () => {
  it('answers whatever it is given with a configuration or with faults, never with another error', () => {
    fc.assert(
      fc.property(fc.constantFrom(...pathsOf(example)), fc.jsonValue(), (path, junk) => {
        try {
          const { config, runtime } = parseConfig(replaceAt(example, path, junk), [manifest]);
          expect(Object.keys(runtime.services).sort()).toEqual(Object.keys(config.services).sort());
        } catch (error) {
          if (!(error instanceof ConfigurationError)) throw error;
          expect(error.faults.length).toBeGreaterThan(0);
          for (const fault of error.faults) expect(fault.expected).not.toBe('');
        }
      }),
      { numRuns: 500 },
    );
  });

  it('never lets a service have fewer tasks at most than at least', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 1, max: 50 }), (minTasks, maxTasks) => {
        const input = { ...example, services: { backend: { cluster: 'orders', minTasks, maxTasks } } };
        const parse = () => parseConfig(input, [manifest, { ...manifest, name: 'release-idle-connections' }]);
        if (maxTasks < minTasks) expect(parse).toThrow(ConfigurationError);
        else expect(parse().runtime.services.backend).toMatchObject({ minTasks, maxTasks });
      }),
    );
  });
});
