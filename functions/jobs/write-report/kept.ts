/** A report as its run keeps it in the journal, between reading and writing. Pure. */
import { gunzipSync, gzipSync } from 'node:zlib';
import type { ReportModel } from '../../reports/model.ts';

/** Its JSON, gzip, base64. */
export interface Kept {
  readonly [key: string]: string;
  readonly report: string;
}

/** An item has at most 400 KB ("Quotas in Amazon DynamoDB"); the rest of a run is small. */
const LONGEST = 300_000;

/** @returns undefined for one that is too long: it is then written at once, and a second try reads anew. */
export function packed(report: ReportModel): Kept | undefined {
  const text = gzipSync(JSON.stringify(report)).toString('base64');
  return text.length > LONGEST ? undefined : { report: text };
}

export const unpacked = ({ report }: Kept): ReportModel =>
  JSON.parse(gunzipSync(Buffer.from(report, 'base64')).toString('utf8')) as ReportModel;
