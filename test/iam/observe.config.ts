/** The demo's configuration, saying what it would do instead of doing it; with every scheduled job, which no mode stops; and certificates that are renewed. */
import demo from '../../local/demo.config.ts';

const named = (name: string, id: string) => ({ name, id, arn: `arn:aws:acm:us-east-1:000000000000:certificate/${id}` });
/** Issued by ACM, with its validation records in a zone of our own. */
export const ISSUED = named('shop', '61f50cd4-45b9-4259-b049-d0a53682fa4b');
export const ZONE = { name: 'shop.test', id: 'Z0123456789ABCDEFGHIJ' } as const;
/** Imported, with its successor in a secret. */
export const IMPORTED = named('imported', '7d2f8c11-3a55-4f0e-9d1c-5b8a0f6f2e90');
export const SECRET = 'imported-certificate';

export const RENEWAL = {
  ...{ mode: 'auto' as const, cooldownSeconds: 20, perTargetPerHour: 30, perRunbookPerHour: 100 },
  verifyWithinSeconds: 5,
};

const { databases = {}, runbooks = {} } = demo;
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
  reports: {},
  certificates: {
    [ISSUED.name]: { arn: ISSUED.arn, zones: { [ZONE.name]: ZONE.id }, renewsWithinSeconds: 1 },
    [IMPORTED.name]: {
      ...{ arn: IMPORTED.arn, renewsWithinSeconds: 1 },
      importFrom: { secretArn: `arn:aws:secretsmanager:us-east-1:000000000000:secret:${SECRET}` },
    },
  },
  runbooks: {
    ...runbooks,
    'renew-certificate': RENEWAL,
  },
};
