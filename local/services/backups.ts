/** Backups of the demo's database, proved by restoring them. Only where a scenario asks for it. */
import type { DatabaseInput } from '../../infra/config/schema.ts';

export const BACKUPS = {
  /** Set to have them. */
  switch: 'NIGHTSHIFT_DEMO_BACKUPS',
  /** A table of its own, so that what other scenarios do with orders is no matter. */
  table: 'public.ledger',
} as const;

/** The part of the database's configuration that says so: nothing where no scenario asks. */
export function demoBackups(environment: NodeJS.ProcessEnv): Pick<DatabaseInput, 'backup'> {
  if (environment[BACKUPS.switch] === undefined) return {};
  return {
    backup: {
      // The local RDS keeps no transaction logs.
      pointInTimeRecovery: false,
      verify: {
        subnetGroup: 'restored-backups',
        securityGroupId: 'sg-0fedcba9876543210',
        tables: [
          { name: BACKUPS.table, minRows: 1000, newest: { column: 'booked_at', withinSeconds: 3600 } },
          { name: 'public.orders', minRows: 1000 },
        ],
        queries: {
          'every-order-has-a-customer':
            'SELECT NOT EXISTS (SELECT FROM orders o LEFT JOIN customers c ON c.id = o.customer_id WHERE c.id IS NULL)',
        },
      },
    },
  };
}
