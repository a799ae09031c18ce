/** The part of the configuration that says who may act on Nightshift by link, and how links come and go. */
import { z } from 'zod';
import { peopleFor } from '../../functions/engine/approval.ts';
import type { RemediationManifest } from '../../functions/engine/manifest.ts';
import type { LinksConfig } from '../../functions/incidents/links/manifest.ts';
import { asGiven, type Fault, unknownName } from './faults.ts';
import { keyArn, secretArn } from './secret-arn.ts';

/** How the journal names them. */
export const personName = z
  .string()
  .max(64)
  .regex(/^[a-z][a-z0-9._-]*$/, 'lower-case letters, digits, dot, hyphen and underscore, beginning with a letter');

export const personSchema = z.strictObject({
  /**
   * Further names of the same person: of IAM identities as the journal writes them (`jane.doe` of a user, `Admin/jane@example.com` of a role and its
   * session). Without them one person who acts by link and by command line would count as two.
   */
  identities: z.array(z.string().min(1).max(200)).default([]),
});

export const approvalsSchema = z
  .strictObject({
    /** How long an approval may be given after it was asked for; then a person is called. */
    validForSeconds: z.int().min(60).max(86_400).default(3600),
  })
  .prefault({});

export const linksSchema = z.strictObject({
  /** One key, or two while one replaces the other: 32 bytes in base64 each (openssl rand -base64 32), apart by a space. */
  signingSecretArn: secretArn,
  /** Key of your own that this secret (and PagerDuty's) is encrypted with; none when it is AWS's own. */
  secretKeyArn: keyArn.optional(),
  /** How long links to acknowledge, take over and resolve work; those of an approval end with it. */
  validForSeconds: z.int().min(300).max(604_800).default(43_200),
  /** How long a take-over by link lasts. */
  takeOverSeconds: z.int().min(60).max(604_800).default(7200),
  /** Signing secret of a PagerDuty webhook subscription (v3) whose URL is the endpoint with `/pagerduty`: who acknowledges there has acknowledged here. */
  pagerDuty: z.strictObject({ webhookSecretArn: secretArn }).optional(),
  /** What the public endpoint takes a second, over everybody, before AWS answers 429 without starting a function. */
  requestsPerSecond: z.int().min(1).max(1000).default(10),
  /** And in a moment. */
  burst: z.int().min(1).max(1000).default(20),
  /** Concurrent executions set aside for its function, which also keeps it from taking more. None by default, as for runbooks. */
  reservedConcurrency: z.int().min(1).max(1000).optional(),
});

/** The function that is deployed only where there are links. */
export const LINKS_FUNCTION = 'links';

interface Deployed {
  readonly name: string;
  readonly links?: z.output<typeof linksSchema> | undefined;
}

/** What the function behind links is given as `links.json`. */
export function linksConfigOf({ name, links }: Deployed): LinksConfig | undefined {
  if (!links) return undefined;
  const { signingSecretArn, pagerDuty, takeOverSeconds } = links;
  return {
    version: 1,
    deployment: name,
    signingSecretArn,
    ...(pagerDuty && { pagerDutySecretArn: pagerDuty.webhookSecretArn }),
    takeOverSeconds,
  };
}

/** A configuration of which any field may be unreadable. */
export interface LoosePeople {
  readonly region?: string | undefined;
  readonly mode?: string | undefined;
  readonly people?: Readonly<Record<string, z.output<typeof personSchema>>> | undefined;
  readonly links?: z.output<typeof linksSchema> | undefined;
  readonly runbooks: Readonly<Record<string, { readonly mode?: string | undefined }>>;
  readonly databases?: Readonly<
    Record<
      string,
      {
        readonly costApprovals?: number | undefined;
        readonly instanceClasses?: readonly unknown[] | undefined;
        readonly maxReadReplicas?: number | undefined;
      }
    >
  >;
  readonly channels: Readonly<
    Record<string, { readonly kind?: string | undefined; readonly [field: string]: unknown }>
  >;
}

const fault = (path: string, given: unknown, expected: string): Fault => ({ path, given: asGiven(given), expected });

/** Faults between people, channels, links and runbooks. @param manifests the remediations that are deployed. */
export function peopleFaults(
  config: LoosePeople,
  manifests: readonly Pick<RemediationManifest, 'name' | 'risk' | 'approval'>[],
): Fault[] {
  return [
    ...identityFaults(config),
    ...recipientFaults(config),
    ...regionFaults(config),
    ...approverFaults(config, manifests),
    ...costApproverFaults(config),
  ];
}

function identityFaults({ people = {} }: LoosePeople): Fault[] {
  const owner = new Map(Object.keys(people).map((name) => [name, name]));
  return Object.entries(people).flatMap(([name, { identities }]) =>
    identities.flatMap((identity, index) => {
      const other = owner.get(identity);
      if (other === undefined) owner.set(identity, name);
      if (other === undefined || other === name) return [];
      return [
        fault(`people.${name}.identities[${index}]`, identity, `it is ${other}'s already: each belongs to one person`),
      ];
    }),
  );
}

function recipientFaults({ people = {}, links, channels }: LoosePeople): Fault[] {
  return Object.entries(channels).flatMap(([name, { kind, recipient, to }]) => {
    if (typeof recipient !== 'string') return [];
    const at = `channels.${name}.recipient`;
    if (!Object.hasOwn(people, recipient))
      return [fault(at, recipient, `as one of people: ${unknownName(recipient, Object.keys(people))}`)];
    if (!links) return [fault(at, recipient, 'needs `links`: without it there are none to send')];
    if (kind === 'email' && Array.isArray(to) && to.length > 1)
      return [
        fault(
          at,
          recipient,
          `a link is one person's, and this channel has ${to.length} addresses: give ${recipient} a channel of their own`,
        ),
      ];
    return [];
  });
}

function regionFaults({ region, links }: LoosePeople): Fault[] {
  const arns = {
    signingSecretArn: links?.signingSecretArn,
    'pagerDuty.webhookSecretArn': links?.pagerDuty?.webhookSecretArn,
  };
  return Object.entries(arns).flatMap(([field, arn]) => {
    const found = arn?.split(':')[3];
    return !found || !region || found === region
      ? []
      : [fault(`links.${field}`, arn, `allowed is an ARN of this deployment's region (${region})`)];
  });
}

/** As for runbooks: what costs may ask two people, too. */
function costApproverFaults({ people = {}, databases = {} }: LoosePeople): Fault[] {
  const known = Object.keys(people).length;
  return Object.entries(databases).flatMap(
    ([name, { costApprovals = 0, instanceClasses = [], maxReadReplicas = 0 }]) =>
      costApprovals < 2 || (instanceClasses.length === 0 && maxReadReplicas === 0) || known >= 2
        ? []
        : [
            fault(
              `databases.${name}.costApprovals`,
              costApprovals,
              `at most 1 as long as people has ${known}: two approve`,
            ),
          ],
  );
}

/** Two people can't approve where fewer are known: every change would wait until it expires. */
function approverFaults(
  config: LoosePeople,
  manifests: readonly Pick<RemediationManifest, 'name' | 'risk' | 'approval'>[],
): Fault[] {
  const known = Object.keys(config.people ?? {}).length;
  return manifests.flatMap((manifest) => {
    const mode = config.runbooks[manifest.name]?.mode ?? config.mode;
    const asks = mode === 'approve' || (mode === 'auto' && manifest.approval !== undefined);
    if (!asks || peopleFor(manifest) < 2 || known >= 2) return [];
    return [
      fault(
        'people',
        Object.keys(config.people ?? {}),
        `at least two: changes of ${manifest.name} need two different people's approval`,
      ),
    ];
  });
}
