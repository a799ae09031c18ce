/** Asks CloudTrail for the calls by which things were changed. Its event history is there in every account, free, for 90 days ("Working with CloudTrail Event history"). */
import { CloudTrailClient, LookupEventsCommand } from '@aws-sdk/client-cloudtrail';
import type { ItemChange } from '../../configuration/diff.ts';
import { clientDefaults } from '../../engine/clients.ts';
import { classifyAwsError } from '../../engine/errors.ts';
import { Pacer } from '../../engine/pacer.ts';
import { CALLS, type Call, callIn } from './who.ts';

/** Route 53's calls are recorded there alone ("Logging Amazon Route 53 API calls with AWS CloudTrail"). */
const ROUTE53_REGION = 'us-east-1';
/** "LookupEvents": at most two a second for an account and region. */
const PER_SECOND = 2;
/** Of one kind of call, so that a busy account keeps no turn from ending. */
const PAGES_MOST = 4;
/** A turn has 120 s, for the backup first. */
const ASKS_FOR_MS = 45_000;

export interface Between {
  readonly from: Date;
  readonly until: Date;
}

const here = new CloudTrailClient(clientDefaults());
const global = new CloudTrailClient({ ...clientDefaults(), region: ROUTE53_REGION });

/** What CloudTrail told, and why it wasn't asked for the rest. */
export interface Told {
  readonly calls: readonly Call[];
  readonly left?: string;
}

/** It never throws, and ends in time: names are worth no backup. */
export async function callsOn(
  changes: readonly Pick<ItemChange, 'kind'>[],
  { from, until }: Between,
  pacer: Pick<Pacer, 'take'> = new Pacer({ perSecond: PER_SECOND }),
  now: () => number = Date.now,
): Promise<Told> {
  const calls: Call[] = [];
  const askUntil = now() + ASKS_FOR_MS;
  for (const kind of new Set(changes.map((change) => change.kind)))
    for (const AttributeValue of CALLS[kind]) {
      let NextToken: string | undefined;
      for (let page = 0; page < PAGES_MOST && (page === 0 || NextToken !== undefined); page++) {
        if (now() >= askUntil) return { calls, left: `it took longer than ${ASKS_FOR_MS / 1000} s` };
        await pacer.take();
        const command = new LookupEventsCommand({
          LookupAttributes: [{ AttributeKey: 'EventName', AttributeValue }],
          ...{ StartTime: from, EndTime: until, MaxResults: 50, NextToken },
        });
        try {
          const reply = await (kind === 'record' ? global : here).send(command);
          calls.push(...(reply.Events ?? []).flatMap(({ CloudTrailEvent }) => callIn(CloudTrailEvent) ?? []));
          NextToken = reply.NextToken;
        } catch (error) {
          return { calls, left: classifyAwsError(`look up ${AttributeValue}`, error).message };
        }
      }
    }
  return { calls };
}
