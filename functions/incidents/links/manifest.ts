/** The manifest of the function behind signed links, and the shape of the `links.json` in its asset. */
import { defineIncidentFunction } from '../manifest.ts';

export const manifest = defineIncidentFunction({
  name: 'links',
  summary: 'Answers signed links (a GET shows, a POST acts) and takes PagerDuty’s acknowledgements.',
  permissions: [],
  timeoutSeconds: 20,
  memoryMegabytes: 512,
});

export interface LinksConfig {
  readonly version: 1;
  readonly deployment: string;
  /** One or two keys; see functions/incidents/link-token.ts. */
  readonly signingSecretArn: string;
  /** The signing secret of PagerDuty's webhook subscription, or two apart by a space; absent: PagerDuty isn't listened to. */
  readonly pagerDutySecretArn?: string | undefined;
  /** How long a take-over by link lasts. */
  readonly takeOverSeconds: number;
}
