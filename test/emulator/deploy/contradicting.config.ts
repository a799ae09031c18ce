/** Backups by a schedule that can't meet their objective, and nobody to call for what acts by itself. */
import deployed from './deployed.config.ts';

export default {
  ...deployed,
  contacts: { pageEmails: [] },
  jobs: { 'back-up-database': { cron: '0 2 * * ? *', overdueAfterSeconds: 90_000 } },
};
