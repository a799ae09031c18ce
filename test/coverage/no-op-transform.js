/**
 * As the suite's own transform, but every remediation decides that all is well, and every scheduled job passes without a look: whatever a test then
 * still proves, it doesn't prove of the remediation or the job.
 */
import { createTransformer } from '@swc/jest';

const HANDLER = /functions\/remediations\/[^/]+\/handler\.ts$/;
/** Of the remediation that the handler exports, not of its imports. */
const DECIDE = /(export const remediation\b.*?^\s*)decide(?::[^,\n]*)?,$/ms;

/** Where every job's step is taken, however the job is put together. */
const JOB_RUN = /functions\/jobs\/run\.ts$/;
const STEP = 'return await job.step(context, state);';
const PASSES =
  "return { kind: 'verdict' as const, state, verdict: { kind: 'passed' as const, summary: 'seeded: does nothing', report: {} } };";

export default {
  createTransformer(options) {
    const plain = createTransformer(options);
    const seeded = (source, path) => {
      if (JOB_RUN.test(path)) {
        if (!source.includes(STEP)) throw new Error(`${path}: there is no line "${STEP}" to replace`);
        return source.replace(STEP, PASSES);
      }
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
