/** Security work of the source runbooks. */
import { type Row, row } from '../rows.ts';

export const security: readonly Row[] = [
  row('8/rotate-secret', '000 001 002', 'a secret is changed, tested, and the old one retired', 'secrets'),
  row('8/revoke-api-keys', '001 004', 'the keys concerned are revoked', 'security'),
  row('8/block-source', '001 004', 'the sources of an attack are blocked', 'security'),
  row('8/isolate-system', '001 004', 'what was broken into is cut off', 'security'),
  row('8/preserve-evidence', '001 003 004', 'evidence is kept before anything is changed', 'security'),
  row('8/notify-security', '000 001 004', 'the security team hears of it at once', 'security'),
  row('8/enhance-monitoring', '001 004', 'more is watched after an attack', 'security'),
  row('8/security-incident-plan', '001 004', 'the steps after a break-in, in order', 'security'),
  row('8/certificate-monitor', '000 002 003 004', 'days left and state of each certificate', 'certificates'),
  row('8/renew-certificate', '000 002 003 004', 'a certificate is renewed without a gap', 'certificates'),
  row('8/access-control', '002', 'who may do what on the platform', 'peopleDecide'),
  row('8/network-policy', '002', 'who may talk to whom', 'peopleDecide'),
  row('8/connector-hardening', '002', "the connector's own security settings", 'application'),
  row('8/audit-log-api', '002', 'calls to the platform are logged without secrets', 'security'),
  row('8/audit-log-data', '002', 'access to data is logged durably', 'application'),
  row('8/audit-change', '002', 'what changed lately, and by whom', 'security'),
  row('8/audit-rbac', '002', 'roles gone through', 'security'),
  row('8/report-posture', '002', 'controls, each passed or failed', 'security'),
  row('8/report-data-protection', '002', 'encryption and retention as they are', 'security'),
  row('8/scan-images', '002 004', 'images scanned and signatures checked', 'security'),
  row('8/check-key-expiry', '004', 'keys that end within a week', 'application'),
  row('8/secret-age', '002', 'secrets past their age', 'secrets'),
  row('8/review-audit-logs', '000', 'a weekly look at the audit trail', 'security'),
];
