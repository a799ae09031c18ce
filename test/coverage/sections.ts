/** The whole catalogue, by section. */
import { alerts } from './catalogue/alerts.ts';
import { defects } from './catalogue/defects.ts';
import { incidents } from './catalogue/incidents.ts';
import { manual } from './catalogue/manual.ts';
import { plans } from './catalogue/plans.ts';
import { remediations } from './catalogue/remediations.ts';
import { reports } from './catalogue/reports.ts';
import { schedules } from './catalogue/schedules.ts';
import { security } from './catalogue/security.ts';
import type { Row } from './rows.ts';

export const SECTIONS: Readonly<Record<string, readonly Row[]>> = {
  Alerts: alerts,
  Remediations: remediations,
  'Recovery plans': plans,
  Schedules: schedules,
  'The incident process': incidents,
  Security: security,
  'Reports and dashboards': reports,
  'Left to people': manual,
  Defects: defects,
};
