/** The demo's configuration with what it has no need of: backups by an objective, a page of graphs, and what is on it. */
import demo from '../../../local/demo.config.ts';

const { databases = {} } = demo;
const zone = 'Z0123456789ABCDEFGHIJ';

export default {
  ...demo,
  dashboard: true,
  databases: Object.fromEntries(
    Object.entries(databases).map(([name, database]) => [
      name,
      // Four hours may be lost at most, and there are no transaction logs.
      {
        ...database,
        ...(database.backup && { backup: { ...database.backup, recoveryPointSeconds: 4 * 3600, keepDays: 7 } }),
      },
    ]),
  ),
  certificates: {
    shop: {
      arn: 'arn:aws:acm:us-east-1:000000000000:certificate/61f50cd4-45b9-4259-b049-d0a53682fa4b',
      zones: { 'shop.test': zone },
    },
  },
};
