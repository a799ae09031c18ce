import { describe, expect, it } from '@jest/globals';
import { manifest } from '../../../functions/remediations/scale-out-service/manifest.ts';
import { ConfigurationError } from '../../../infra/config/faults.ts';
import { parseConfig } from '../../../infra/config/parse.ts';

const faultsWith = (change: object): readonly unknown[] => {
  try {
    parseConfig(
      {
        region: 'eu-west-1',
        standbyRegion: 'eu-central-1',
        services: { backend: { cluster: 'orders', maxTasks: 4 } },
        ...change,
      },
      [manifest],
    );
    return [];
  } catch (error) {
    if (error instanceof ConfigurationError) return error.faults;
    throw error;
  }
};
const FAULT = [{ path: 'contacts.pageEmails', expected: expect.stringContaining('scale-out-service acts by itself') }];

describe('a configuration without anybody to page', () => {
  it('is refused as soon as something acts by itself', () => {
    expect(faultsWith({ mode: 'auto' })).toMatchObject(FAULT);
    expect(faultsWith({ runbooks: { 'scale-out-service': { mode: 'auto' } } })).toMatchObject(FAULT);
  });
  it('will do while everything only observes', () => {
    expect(faultsWith({ mode: 'observe' })).toEqual([]);
    expect(faultsWith({ mode: 'auto', runbooks: { 'scale-out-service': { mode: 'observe' } } })).toEqual([]);
  });
  it('is complete with one address', () => {
    expect(faultsWith({ mode: 'auto', contacts: { pageEmails: ['on-call@example.com'] } })).toEqual([]);
  });
});
