import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { manifest } from '../../../functions/remediations/scale-out-service/manifest.ts';
import { parseConfig } from '../../../infra/config/parse.ts';
import { expandResource, PlaceholderError } from '../../../infra/constructs/permissions.ts';

const own = { partition: 'aws', region: 'eu-west-1', account: '111122223333' };
const letters = fc.stringMatching(/^[a-z]{1,8}$/);
const configured = fc.uniqueArray(letters, { maxLength: 4 }).map(
  (names) =>
    parseConfig(
      {
        region: 'eu-west-1',
        standbyRegion: 'eu-central-1',
        services: Object.fromEntries(names.map((name) => [`${name}-s`, { cluster: `${name}-cluster`, maxTasks: 4 }])),
      },
      [manifest],
    ).config,
);
const known = ['partition', 'region', 'account', 'cluster', 'service'];
const part = fc.oneof(
  fc.constantFrom(...known.map((name) => `{${name}}`)),
  letters,
  fc.constant('/'),
  letters.map((name) => `{${name}}`),
);
const pattern = fc.array(part, { minLength: 1, maxLength: 8 }).map((parts) => parts.join(''));

describe('expandResource', () => {
  it('fills in every placeholder or refuses: no brace and no wildcard ever comes out that was not written', () => {
    fc.assert(
      fc.property(pattern, configured, (resource, config) => {
        let expanded: string[];
        try {
          expanded = expandResource(resource, own, config);
        } catch (error) {
          if (!(error instanceof PlaceholderError)) throw error;
          return;
        }
        for (const arn of expanded) expect(arn).not.toMatch(/[{}*]/);
      }),
    );
  });

  it('speaks of each service exactly once and of nothing else', () => {
    fc.assert(
      fc.property(configured, (config) => {
        const expanded = expandResource('{cluster}/{service}', own, config);
        expect(expanded.sort()).toEqual(
          Object.entries(config.services)
            .map(([name, { cluster }]) => `${cluster}/${name}`)
            .sort(),
        );
      }),
    );
  });
});
