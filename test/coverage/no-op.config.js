/** The remediations' and jobs' tests with all of them doing nothing (test/world/coverage.test.ts). */
import config from '../../jest.config.js';

const [, , , emulator] = config.projects;
const [[files, [, options]]] = Object.entries(emulator.transform);
export default {
  ...emulator,
  rootDir: `${import.meta.dirname}/../..`,
  displayName: 'no-op',
  testMatch: ['<rootDir>/test/emulator/remediations/**/*.test.ts', '<rootDir>/test/emulator/jobs/**/*.test.ts'],
  transform: { [files]: ['<rootDir>/test/coverage/no-op-transform.js', options] },
};
