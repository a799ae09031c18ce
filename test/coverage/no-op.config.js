/** The remediations' tests with every `decide` doing nothing (test/world/coverage.test.ts). */
import config from '../../jest.config.js';

const [, , , emulator] = config.projects;
const [[files, [, options]]] = Object.entries(emulator.transform);
export default {
  ...emulator,
  rootDir: `${import.meta.dirname}/../..`,
  displayName: 'no-op',
  testMatch: ['<rootDir>/test/emulator/remediations/**/*.test.ts'],
  transform: { [files]: ['<rootDir>/test/coverage/no-op-transform.js', options] },
};
