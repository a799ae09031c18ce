/** A report as data, before Markdown or HTML gives it its form. Texts are plain; each form escapes them, because names and reasons come from outside. */
import type { ReportName } from './names.ts';

export interface Figure {
  readonly label: string;
  readonly value: string;
}

/** A value over time; null where nothing is known: a gap, and no zero. */
export interface Chart {
  readonly label: string;
  readonly unit: string;
  readonly points: readonly { readonly at: string; readonly value: number | null }[];
  /** Drawn across it. */
  readonly limit?: number;
}

export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface Section {
  readonly title: string;
  /** Sentences. */
  readonly says?: readonly string[];
  readonly table?: Table;
  readonly charts?: readonly Chart[];
}

/** Version 1; the shape of `events/published/report.ts`. */
export interface ReportModel {
  readonly version: 1;
  readonly report: ReportName;
  readonly title: string;
  readonly deployment: string;
  readonly region: string;
  readonly period: { readonly from: string; readonly to: string; readonly timeZone: string; readonly label: string };
  /** As of when its facts were read (ISO 8601). */
  readonly asOf: string;
  /** The few figures that a message carries. */
  readonly headline: readonly Figure[];
  /** What could not be found out, and why: sentences. */
  readonly unknown: readonly string[];
  readonly sections: readonly Section[];
}

/** Where a report lies in the archive's bucket; a run's second try has the same. @param scheduledAt when its run was due (ISO 8601). */
export const folderOf = ({ report, period }: Pick<ReportModel, 'report' | 'period'>, scheduledAt: string): string =>
  `reports/${report}/${period.to.slice(0, 4)}/${period.to.slice(5, 7)}/${scheduledAt.replace(/[^0-9TZ]/g, '')}`;
