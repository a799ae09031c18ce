/** One jest project per kind of proof; `npm test` runs the quick ones, `npm run test:all` the ones that need a whole world. */
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
const project = (name) => ({ ...base, displayName: name, testMatch: [`<rootDir>/test/${name}/**/*.test.ts`] });
export default {
  projects: [project('unit'), project('property'), project('conventions'), project('emulator'), project('world')],
  testTimeout: 60_000,
  reporters: ['default', '<rootDir>/test/support/closing-line.js'],
};
