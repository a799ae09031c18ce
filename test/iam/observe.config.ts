/** The demo's configuration, saying what it would do instead of doing it; and with every scheduled job, which no mode stops. */
import demo from '../../local/demo.config.ts';

const id = '61f50cd4-45b9-4259-b049-d0a53682fa4b';
export const CERTIFICATE = { name: 'shop', id, arn: `arn:aws:acm:us-east-1:000000000000:certificate/${id}` } as const;

const { databases = {} } = demo;
/** Where the demo has backups: the newest one alone outlives its age, so that one that is old may go. */
const pruned = Object.fromEntries(
  Object.entries(databases).map(([name, { backup, ...database }]) => [
    name,
    { ...database, ...(backup && { backup: { ...backup, keepDays: 1, keepWeeks: 0, keepMonths: 0, keepAtLeast: 1 } }) },
  ]),
);

export default {
  ...demo,
  mode: 'observe' as const,
  databases: pruned,
  checks: {},
  certificates: { [CERTIFICATE.name]: { arn: CERTIFICATE.arn } },
};
