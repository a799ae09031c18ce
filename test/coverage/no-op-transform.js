/**
 * As the suite's own transform, but every remediation decides that all is well, and every scheduled job passes without a look: whatever a test then
 * still proves, it doesn't prove of the remediation or the job.
 */
import { createTransformer } from '@swc/jest';

const HANDLER = /functions\/remediations\/[^/]+\/handler\.ts$/;
/** Of the remediation that the handler exports, not of its imports. */
const DECIDE = /(export const remediation\b.*?^\s*)decide(?::[^,\n]*)?,$/ms;

const JOB_HANDLER = /functions\/jobs\/[^/]+\/handler\.ts$/;
const PASSES = `Object.assign(job, { step: async (_context, state) => ({
  kind: 'verdict', state, verdict: { kind: 'passed', summary: 'seeded: does nothing', report: {} },
}) });`;

export default {
  createTransformer(options) {
    const plain = createTransformer(options);
    const seeded = (source, path) => {
      if (JOB_HANDLER.test(path)) return `${source}\n${PASSES}\n`;
      if (!HANDLER.test(path)) return source;
      if (!DECIDE.test(source)) throw new Error(`${path}: there is no line "decide," to replace`);
      return source.replace(DECIDE, "$1decide: () => ({ kind: 'fine', reason: 'seeded: does nothing' }),");
    };
    return {
      ...plain,
      process: (source, path, jest) => plain.process(seeded(source, path), path, jest),
      processAsync: (source, path, jest) => plain.processAsync(seeded(source, path), path, jest),
      getCacheKey: (source, path, ...rest) => `no-op-${plain.getCacheKey(seeded(source, path), path, ...rest)}`,
    };
  },
};
