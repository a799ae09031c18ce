/** The unit and property tests as one project, because Stryker puts its own environment into one; which of them run, `main.ts` says. */
import base from '../../jest.config.js';

const [{ displayName: _, ...unit }] = base.projects;

export default { ...unit, rootDir: process.cwd() };
