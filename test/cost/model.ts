/** From what was measured and what is deployed to US dollars. Pure. */
import type { CostDocument } from '../../events/published/cost.ts';
import { sumOf, timesOf } from './count.ts';
import { type Amounts, PRICED_AT, PRICES, type Priced } from './prices.ts';

/** Written by `npm run cost -- --measure`. */
export interface Measured {
  readonly measuredAt: string;
  readonly how: string;
  /** One for each kind of incident: from its alarm to its end, without what runs by the clock. */
  readonly incidents: readonly { readonly name: string; readonly amounts: Amounts }[];
  /** One run of what a schedule starts, by function. */
  readonly scheduled: Readonly<Record<string, Amounts>>;
  /** Different metrics that the functions published. */
  readonly customMetrics: number;
}

export interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
}
export type Template = { readonly Resources: Readonly<Record<string, Resource>> };

const MINUTES_A_MONTH = 730 * 60;

/** What stands in the template and costs by the month. */
const BY_TYPE: Readonly<Record<string, Priced>> = {
  'AWS::CloudWatch::Alarm': 'cloudwatch-alarm',
  'AWS::CloudWatch::CompositeAlarm': 'cloudwatch-composite-alarm',
  'AWS::CloudWatch::Dashboard': 'cloudwatch-dashboard',
  'AWS::KMS::Key': 'kms-key',
  'AWS::SecretsManager::Secret': 'secret',
};

/** An alarm of what is protected is named after it (infra/constructs/protection.ts). */
const ownerOf = (resource: Resource, prefix: string, protectedThings: readonly string[]): string => {
  const name = String(resource.Properties?.AlarmName ?? '').slice(prefix.length);
  return protectedThings.find((thing) => name.startsWith(`${thing}-`)) ?? 'core';
};

/** Minutes between two runs. @throws RangeError for a schedule that isn't a rate. */
export function minutesOf(expression: string): number {
  const [, count, unit] = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(expression) ?? [];
  if (count === undefined) throw new RangeError(`${expression}: expected rate(<n> minutes|hours|days)`);
  return Number(count) * { minute: 1, hour: 60, day: 1440 }[unit as 'minute' | 'hour' | 'day'];
}

/** By whom it is caused: `core`, or the name of something protected. */
export function standingOf(
  template: Template,
  measured: Measured,
  {
    deployment,
    protectedThings,
    everyMinutes,
  }: {
    readonly deployment: string;
    readonly protectedThings: readonly string[];
    /** Of the measured scheduled functions. */
    readonly everyMinutes: Readonly<Record<string, number>>;
  },
): Readonly<Record<string, Amounts>> {
  const all: [string, Amounts][] = [['core', { 'cloudwatch-metric': measured.customMetrics }]];
  for (const resource of Object.values(template.Resources)) {
    const priced = BY_TYPE[resource.Type];
    if (priced) all.push([ownerOf(resource, `nightshift-${deployment}-`, protectedThings), { [priced]: 1 }]);
  }
  for (const [name, amounts] of Object.entries(measured.scheduled)) {
    const every = everyMinutes[name];
    if (every === undefined) throw new RangeError(`${name} was measured, but no schedule of it is known`);
    const runs = MINUTES_A_MONTH / every;
    all.push(['core', { ...timesOf(amounts, runs), 'scheduler-invocation': runs }]);
  }
  const owners = [...new Set(all.map(([owner]) => owner))];
  return Object.fromEntries(
    owners.map((owner) => [owner, sumOf(all.filter(([each]) => each === owner).map(([, amounts]) => amounts))]),
  );
}

/** Of a price's name: `lambda-request` is Lambda's. */
const serviceOf = (priced: string): string =>
  priced.slice(0, priced.indexOf('-') < 0 ? undefined : priced.indexOf('-'));
const cents = (usd: number): number => Number(usd.toPrecision(4));

export const usdOf = (amounts: Amounts): number =>
  (Object.entries(amounts) as [Priced, number][]).reduce((sum, [what, amount]) => sum + amount * PRICES[what].usd, 0);

function byService(amounts: Amounts): Record<string, number> {
  const found: Record<string, number> = {};
  for (const [what, amount] of Object.entries(amounts) as [Priced, number][])
    found[serviceOf(what)] = (found[serviceOf(what)] ?? 0) + amount * PRICES[what].usd;
  return Object.fromEntries(Object.entries(found).map(([service, usd]) => [service, cents(usd)]));
}

/** CloudWatch's permanent allowance of an account ("Free tier", Amazon CloudWatch pricing; not verified): others may use it up. */
const FREE: Amounts = { 'cloudwatch-alarm': 10, 'cloudwatch-metric': 10, 'cloudwatch-dashboard': 3 };
const afterFree = (amounts: Amounts): Amounts =>
  Object.fromEntries(
    (Object.entries(amounts) as [Priced, number][]).map(([what, amount]) => [
      what,
      Math.max(0, amount - (FREE[what] ?? 0)),
    ]),
  );

/** Design, section 10. */
const CORE_BELOW_USD = 1;
const TEN_THOUSAND_AT_MOST_USD = 5;

/** @param alarms how many fire in a month, in the mix that was measured: as many of each kind. */
export function costOf(alarms: number, measured: Measured, standing: Readonly<Record<string, Amounts>>): CostDocument {
  const one = timesOf(sumOf(measured.incidents.map(({ amounts }) => amounts)), 1 / measured.incidents.length);
  const core = standing.core ?? {};
  const perAlarm = usdOf(one);
  return {
    version: 1,
    region: 'us-east-1',
    pricedAt: PRICED_AT,
    measuredAt: measured.measuredAt,
    unverifiedPrices: Object.entries(PRICES)
      .filter(([, { isVerified }]) => !isVerified)
      .map(([name]) => name),
    standing: Object.fromEntries(
      Object.entries(standing).map(([owner, amounts]) => [
        owner,
        { usdPerMonth: cents(usdOf(amounts)), byService: byService(amounts) },
      ]),
    ),
    coreAfterFreeAllowancesUsdPerMonth: cents(usdOf(afterFree(core))),
    alarms,
    alarmsUsd: cents(perAlarm * alarms),
    byService: byService(timesOf(one, alarms)),
    perThousandAlarmsUsd: cents(perAlarm * 1_000),
    perMillionAlarmsUsd: cents(perAlarm * 1_000_000),
    perAlarmUsd: Object.fromEntries(measured.incidents.map(({ name, amounts }) => [name, cents(usdOf(amounts))])),
    goals: [
      {
        what: 'core, US dollars a month',
        value: cents(usdOf(core)),
        goal: CORE_BELOW_USD,
        met: usdOf(core) < CORE_BELOW_USD,
      },
      {
        what: '10,000 remediations, US dollars',
        value: cents(perAlarm * 10_000),
        goal: TEN_THOUSAND_AT_MOST_USD,
        met: perAlarm * 10_000 <= TEN_THOUSAND_AT_MOST_USD,
      },
    ],
  };
}
