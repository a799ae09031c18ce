import { defineIncidentFunction } from '../manifest.ts';

export const manifest = defineIncidentFunction({
  name: 'archiver',
  summary:
    'Keeps each incident that is over in S3: its story as JSON, Markdown and HTML, with the signed end of its hash chain.',
  permissions: [],
  timeoutSeconds: 60,
  memoryMegabytes: 512,
});

/** What the archiver is given as `archive.json` beside its code. */
export interface ArchiveConfig {
  readonly version: 1;
  readonly deployment: string;
  /** Secret that archives are signed with; absent: they aren't signed. */
  readonly signingSecretArn?: string;
}
