/** A part of the group `alerts`: what events tell of, which is over within seconds. `npm start -- --once --scenarios alerts` plays all, those of metrics too. */
import { expect, it } from '@jest/globals';
import { startDocument } from '../../events/published/start.ts';
import { lastDocument, runToEnd } from '../emulator/world/programs.ts';

const PLAYED = ['certificate-expiring', 'aws-health'];

it('alerts are played from events to their end', async () => {
  const options = ['--once', '--json', '--world', `alerts-test-${process.pid}`, '--scenarios', PLAYED.join(',')];
  const ended = await runToEnd('local/start.ts', options);
  const { scenarios } = startDocument.parse(lastDocument(ended));
  expect(scenarios.map(({ name, status, error }) => ({ name, status, error }))).toEqual(
    PLAYED.map((name) => ({ name, status: 'passed' })),
  );
  expect(ended.code).toBe(0);
}, 600_000);
