/** Which parts a report has. Pure: facts in, report out. */
import type { Facts } from './facts.ts';
import type { Figure, ReportModel, Section } from './model.ts';
import { BACKUP_JOB, PROOF_JOB, REPORTS, type ReportName } from './names.ts';
import { reviewsSection } from './reviews.ts';
import {
  backupsSection,
  changesMade,
  drillsSection,
  incidentsSection,
  isAmiss,
  isOpen,
  jobsSection,
  levelsOf,
  levelsSection,
  openedIn,
  presentSection,
  responseSection,
  targetsSection,
  useSection,
} from './sections.ts';
import { sizesSection } from './sizes.ts';
import { availableText, percentText, plural, UNKNOWN } from './words.ts';

/** @param name what was asked for; facts that it needs and aren't there are said to be unknown. */
export function compose(name: ReportName, facts: Facts): ReportModel {
  const { deployment, region, period, now } = facts;
  const iso = (ms: number) => new Date(ms).toISOString();
  const { headline, sections } = PARTS[name](facts);
  return {
    ...{ version: 1, report: name, title: REPORTS[name].title, deployment, region },
    period: { from: iso(period.from), to: iso(period.to), timeZone: period.timeZone, label: period.label },
    asOf: iso(now),
    headline,
    unknown: [...facts.unread, ...(NEEDS[name].requests ? silentServices(facts) : [])],
    sections,
  };
}

/** What each report is made of, so that nothing else is read for it. */
export interface Needs {
  readonly incidents: boolean;
  readonly jobs: boolean;
  readonly requests: boolean;
  readonly use: boolean;
  readonly targets: boolean;
  readonly drills: boolean;
}
const NOTHING: Needs = { incidents: false, jobs: false, requests: false, use: false, targets: false, drills: false };
export const NEEDS: Readonly<Record<ReportName, Needs>> = {
  'daily-operations': { ...NOTHING, incidents: true, jobs: true, requests: true, targets: true },
  'on-call-handoff': { ...NOTHING, incidents: true, jobs: true, targets: true },
  'weekly-maintenance': { ...NOTHING, incidents: true, jobs: true, use: true },
  'service-levels': { ...NOTHING, requests: true },
  'response-times': { ...NOTHING, incidents: true },
  'backups-and-drills': { ...NOTHING, incidents: true, jobs: true, drills: true },
};

/** Those that take backups, prove them and take them away. */
const BACKUP_JOBS: readonly string[] = [BACKUP_JOB, PROOF_JOB, 'prune-backups', 'sweep-scratch'];

interface Parts {
  readonly headline: readonly Figure[];
  readonly sections: readonly Section[];
}

const PARTS: Readonly<Record<ReportName, (facts: Facts) => Parts>> = {
  'daily-operations': (facts) => ({
    headline: [...incidentFigures(facts), ...jobFigures(facts), ...levelFigures(facts)],
    sections: [
      incidentsSection('Incidents', facts.incidents, 'There was none.', facts.incidentsSince),
      levelsSection(facts),
      jobsSection(facts.runs, facts.jobs, facts.now),
      presentSection(facts),
      reviewsSection(facts.incidents),
    ],
  }),
  'on-call-handoff': (facts) => {
    const { incidents, jobs, now } = facts;
    const open = incidents.filter(isOpen);
    const waiting = open.filter(({ state }) => state === 'waiting-approval');
    return {
      headline: [
        figure('Open incidents', open.length),
        figure('Waiting for an approval', waiting.length),
        figure('Targets not as in quiet times', facts.targets.length),
        ...jobFigures(facts),
      ],
      sections: [
        incidentsSection('Open incidents', open, 'None is open.', facts.incidentsSince),
        presentSection(facts),
        jobsSection(
          facts.runs,
          jobs.filter((job) => isAmiss(job, now)),
          now,
          'None failed or is overdue.',
        ),
        incidentsSection(
          'Over since',
          incidents.filter((each) => !isOpen(each)),
          'None.',
        ),
        reviewsSection(incidents),
        {
          title: 'To say in words',
          says: ['Work-arounds, maintenance under way and whatever isn’t in the journal: the one who leaves tells it.'],
        },
      ],
    };
  },
  'weekly-maintenance': (facts) => ({
    headline: [...incidentFigures(facts), ...jobFigures(facts)],
    sections: [
      targetsSection(openedIn(facts)),
      useSection(facts),
      sizesSection(facts.services),
      jobsSection(facts.runs, facts.jobs, facts.now),
      incidentsSection('Incidents', facts.incidents, 'There was none.', facts.incidentsSince),
    ],
  }),
  'service-levels': (facts) => ({ headline: levelFigures(facts), sections: [levelsSection(facts)] }),
  'response-times': (facts) => ({
    headline: incidentFigures(facts),
    sections: [
      responseSection(openedIn(facts)),
      incidentsSection(
        'Never acknowledged and not over',
        facts.incidents.filter((each) => isOpen(each) && !each.acknowledgedAt),
        'None.',
        facts.incidentsSince,
      ),
    ],
  }),
  'backups-and-drills': (facts) => {
    const runs = facts.runs.filter(({ job }) => BACKUP_JOBS.includes(job));
    const jobs = facts.jobs.filter(({ job }) => BACKUP_JOBS.includes(job));
    const failed = runs.filter(({ verdict }) => verdict === 'failed').length;
    return {
      headline: [
        figure('Runs of backup jobs that failed', failed),
        figure('Runs of recovery plans', facts.drills.length),
      ],
      sections: [backupsSection(facts), drillsSection(facts), jobsSection(runs, jobs, facts.now)],
    };
  },
};

const figure = (label: string, value: number): Figure => ({ label, value: String(value) });

function incidentFigures(facts: Facts): Figure[] {
  const opened = openedIn(facts);
  return [
    figure('Incidents opened', opened.length),
    figure('Not over now', facts.incidents.filter(isOpen).length),
    figure(
      'Changes made in those opened',
      opened.reduce((sum, incident) => sum + changesMade(incident), 0),
    ),
  ];
}

const jobFigures = ({ jobs, now }: Facts): Figure[] => [
  figure('Jobs failed or overdue', jobs.filter((job) => isAmiss(job, now)).length),
];

const levelFigures = (facts: Facts): Figure[] =>
  levelsOf(facts).map(({ service, level }) => {
    if (!level) return { label: `${service.name} available`, value: UNKNOWN };
    const { availablePercent, budget } = level;
    const left = budget ? `, ${percentText(100 * budget.leftShare, 0)} of its downtime budget left` : '';
    return { label: `${service.name} available`, value: `${availableText(availablePercent)}${left}` };
  });

/** Sentences for people: which services' levels aren't known, and for how long. */
function silentServices(facts: Facts): string[] {
  return levelsOf(facts).flatMap(({ service, level }) => {
    if (!service.requests)
      return [`${service.name}: its load balancer isn’t configured (balancedBy), so its requests aren’t known.`];
    if (!level) return [`${service.name}: no request is known of in the whole period.`];
    return level.silentHours > 0
      ? [
          `${service.name}: no request is told of in ${plural(level.silentHours, 'hour')}; an outage that kept every request away isn’t counted.`,
        ]
      : [];
  });
}
