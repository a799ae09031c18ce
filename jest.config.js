/**
 * One jest project per kind of proof. `npm test` runs those that a change needs within minutes: unit, property, conventions, and `remediations`, which are the
 * emulator tests of each remediation and the crash matrix's quick form. `npm run test:all` runs the rest: of the emulators and the engine on them, then of whole worlds.
 */
const base = {
  rootDir: import.meta.dirname,
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2024' }, module: { type: 'es6' } },
    ],
  },
  modulePathIgnorePatterns: ['<rootDir>/.nightshift', '<rootDir>/cdk.out'],
  testTimeout: 60_000,
};
const project = (name, folders = [name]) => ({
  ...base,
  displayName: name,
  testMatch: folders.map((folder) => `<rootDir>/test/${folder}/**/*.test.ts`),
});
const remediations = ['emulator/remediations', 'emulator/matrix'];
export default {
  projects: [
    project('unit'),
    project('property'),
    project('conventions'),
    project('remediations', remediations),
    {
      ...project('emulator'),
      testPathIgnorePatterns: ['/node_modules/', ...remediations.map((folder) => `<rootDir>/test/${folder}/`)],
    },
    project('world'),
  ],
  testTimeout: 60_000,
  reporters: ['default', '<rootDir>/test/support/closing-line.js'],
};
