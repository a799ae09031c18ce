/** Where everybody is sent, whether they may be sent back, and whether that helped. Pure. */
import { siteAnswered, tellAnswer } from '../../dns/answers.ts';
import { type SiteHealth, tellHealth, verdictOf } from '../../dns/health.ts';
import { isSameRecord, pointsTo, type RecordState, recordFor, tellRecord } from '../../dns/record.ts';
import type { Answer } from '../../dns/resolvers.ts';
import type { RecordReading } from '../../dns/route53.ts';
import type { EndpointConfig, EndpointSite } from '../../engine/config.ts';
import type { Change, DecideInput, Decision, HandBack, Hold, Json, Verification } from '../../engine/remediation.ts';

export interface Observation {
  /** `unknown`: Route 53's control plane didn't answer. */
  readonly record: RecordReading | { readonly kind: 'unknown'; readonly why: string };
  /** By name. */
  readonly sites: Readonly<Record<string, SiteHealth>>;
  /** What the configured resolvers answer users. */
  readonly answers?: readonly Answer[];
}

/** A record with the site it sends everybody to. */
export interface Placement {
  readonly site: string;
  readonly record: RecordState;
  /** Set when it is left because its site is sick: then it is left only as long as that is so. */
  readonly sick?: true;
}

export const beforeOf = (change: Change): Placement => change.before as unknown as Placement;
export const afterOf = (change: Change): Placement => change.after as unknown as Placement;

/** What is held is the place in the list of sites: 0 is where everybody belongs. */
const FIELD = 'site';
const RECHECK_SECONDS = 60;

const callPerson = (reason: string): Decision => ({ kind: 'escalate', reason, recheckAfterSeconds: RECHECK_SECONDS });

export function decide({ target, observation, hold, config }: DecideInput<EndpointConfig, Observation>): Decision {
  const { recordName, sites } = target;
  const { record } = observation;
  if (record.kind !== 'record') return callPerson(whyUnusable(target, record));
  const present = siteOf(target, record.record);
  if (!present)
    return {
      kind: 'hold',
      reason: 'hands-off',
      detail: `${recordName} points to none of its sites (${tellRecord(record.record)}): somebody else has it in hand`,
      recheckAfterSeconds: config.handsOffSeconds,
    };
  const health = healthOf(observation, present);
  const verdict = health ? verdictOf(health) : 'unclear';
  const told = health ? tellHealth(health) : 'not looked at';
  if (verdict === 'healthy') return { kind: 'fine', reason: `its site ${present.name} answers: ${told}` };
  if (verdict === 'unclear')
    return callPerson(`it isn't certain that site ${present.name} of ${recordName} is sick: ${told}`);
  const next = sites.find((site) => site !== present && isProved(observation, site));
  if (!next) {
    const others = sites.filter((site) => site !== present).map((site) => tellSite(observation, site));
    return callPerson(
      `site ${present.name} of ${recordName} is sick (${told}), and no other is proved healthy: ${others.join('; ')}`,
    );
  }
  const before: Placement = { site: present.name, record: record.record, sick: true };
  return { kind: 'act', change: failOver(target, before, next, hold) };
}

/** What no failover of ours can use. */
function whyUnusable(
  { recordName, recordType, zoneId }: EndpointConfig,
  record: Exclude<Observation['record'], { kind: 'record' }>,
): string {
  switch (record.kind) {
    case 'missing':
      return `zone ${zoneId} has no ${recordType} record ${recordName}`;
    case 'not-simple':
      return `${recordName} is not one answer for everybody: ${record.why}`;
    case 'unknown':
      return `the record of ${recordName} can't be read, and so not changed: ${record.why}`;
    default:
      return record satisfies never;
  }
}

const siteOf = ({ sites, recordType }: EndpointConfig, record: RecordState): EndpointSite | undefined =>
  sites.find((site) => pointsTo(recordType, record, site));
const healthOf = ({ sites }: Observation, { name }: EndpointSite): SiteHealth | undefined =>
  Object.hasOwn(sites, name) ? sites[name] : undefined;

function isProved(observation: Observation, site: EndpointSite): boolean {
  const health = healthOf(observation, site);
  return health !== undefined && verdictOf(health) === 'healthy';
}

function tellSite(observation: Observation, site: EndpointSite): string {
  const health = healthOf(observation, site);
  return `${site.name}: ${health ? tellHealth(health) : 'not looked at'}`;
}

const asJson = (placement: Placement): Json => placement as unknown as Json;

/** One record in the place of another; the earlier one is kept whole, so that it can be put back as it was. */
function move(target: EndpointConfig, before: Placement, after: Placement): Omit<Change, 'hold' | 'undoChange'> {
  const { recordName, recordType, zoneId } = target;
  return {
    summary: `send everybody who asks for ${recordName} from site ${before.site} to site ${after.site}`,
    before: asJson(before),
    after: asJson(after),
    undo: `in zone ${zoneId}, replace the ${recordType} record ${recordName} (${tellRecord(after.record)}) by ${tellRecord(before.record)}, once site ${before.site} is well`,
  };
}

function failOver(target: EndpointConfig, before: Placement, next: EndpointSite, hold: Hold | undefined): Change {
  const held = hold?.field === FIELD ? hold : undefined;
  const after: Placement = { site: next.name, record: recordAt(target, next, held) };
  const { sick: _sick, ...back } = before;
  const change: Change = { ...move(target, before, after), undoChange: move(target, after, back) };
  const [from, to] = [placeOf(target, before.site), placeOf(target, next.name)];
  // Towards the preferred site there is nothing to hand back, and a person may want to decide when.
  if (target.failBack === 'person' || (!held && to < from)) return change;
  return {
    ...change,
    hold: {
      ...{ field: FIELD, baseline: held?.baseline ?? from, value: to, stabiliseForSeconds: target.dwellSeconds },
      was: asJson(back),
    },
  };
}

/** The very record that once stood there, if it still leads to that site; else one as the configuration has it. */
function recordAt(target: EndpointConfig, site: EndpointSite, hold: Hold | undefined): RecordState {
  const was = hold?.was as Placement | undefined;
  const isIt = was?.site === site.name && pointsTo(target.recordType, was.record, site);
  return isIt ? was.record : recordFor(target, site);
}

const placeOf = ({ sites }: EndpointConfig, name: string): number => sites.findIndex((site) => site.name === name);

/** Back to where everybody belongs: only when that site is proved healthy too, however long it has been quiet, and however urgent it is. */
export function decideHandBack({
  target,
  hold,
  observation,
}: {
  target: EndpointConfig;
  hold: Hold;
  observation: Observation;
}): HandBack {
  const { record } = observation;
  const wait = (detail: string): HandBack => ({ kind: 'wait', detail, recheckAfterSeconds: RECHECK_SECONDS });
  if (record.kind === 'unknown') return wait(whyUnusable(target, record));
  if (record.kind !== 'record') return { kind: 'leave', detail: whyUnusable(target, record) };
  const present = siteOf(target, record.record);
  const home = target.sites[hold.baseline];
  if (!present || !home || placeOf(target, present.name) !== hold.value)
    return {
      kind: 'leave',
      detail: `${target.recordName} isn't where Nightshift sent it (${tellRecord(record.record)}): somebody else moved it`,
    };
  if (!isProved(observation, home))
    return wait(`site ${home.name} isn't proved healthy: ${tellSite(observation, home)}`);
  const before: Placement = { site: present.name, record: record.record };
  return {
    kind: 'restore',
    change: move(target, before, { site: home.name, record: recordAt(target, home, hold) }),
  };
}

export function alreadyApplied(change: Change, { record }: Observation): 'yes' | 'no' | 'unclear' {
  if (record.kind !== 'record') return 'unclear';
  if (isSameRecord(record.record, afterOf(change).record)) return 'yes';
  return isSameRecord(record.record, beforeOf(change).record) ? 'no' : 'unclear';
}

export function verify({
  target,
  change,
  observation,
}: {
  target: EndpointConfig;
  change: Change;
  observation: Observation;
}): Verification {
  const { record } = observation;
  if (record.kind !== 'record') return { kind: 'not-yet', detail: whyUnusable(target, record) };
  const [before, after] = [beforeOf(change), afterOf(change)];
  if (!isSameRecord(record.record, after.record))
    return { kind: 'not-yet', detail: `${target.recordName} is ${tellRecord(record.record)} now: somebody changed it` };
  const verdictAt = (name: string) => {
    const site = target.sites.find((each) => each.name === name);
    const health = site && healthOf(observation, site);
    return health
      ? { verdict: verdictOf(health), told: tellHealth(health) }
      : { verdict: 'unclear', told: 'not looked at' };
  };
  const [there, back] = [verdictAt(after.site), verdictAt(before.site)];
  const detail = `everybody is sent to site ${after.site}: ${there.told}`;
  if (there.verdict === 'healthy') return asUsersSee(target, after.site, observation, detail);
  if (there.verdict === 'unclear') return { kind: 'not-yet', detail };
  const stopForSeconds = target.dwellSeconds;
  return back.verdict === 'healthy'
    ? { kind: 'worse', detail: `${detail}; site ${before.site} is well again`, stopForSeconds }
    : { kind: 'bad', detail, stopForSeconds };
}

/**
 * A record is what Route 53 says; users get what their resolvers keep (runbook 003, lines 416 to 418). One that still sends them elsewhere has until the deadline; one
 * that doesn't answer us says nothing of what it answers others.
 */
function asUsersSee(target: EndpointConfig, site: string, { answers = [] }: Observation, detail: string): Verification {
  if (answers.length === 0) return { kind: 'good', detail };
  const told = `${detail}; ${answers.map((answer) => tellAnswer(target, answer)).join(', ')}`;
  const elsewhere = answers.some(
    (answer) => answer.values !== undefined && siteAnswered(target, target.sites, answer)?.name !== site,
  );
  return { kind: elsewhere ? 'not-yet' : 'good', detail: told };
}
