/**
 * What AWS asks for in us-east-1, in US dollars without any free tier, as looked up on 21 November 2026. Each price names the page it is from; `isVerified` says
 * whether AWS's own text was read, or only what somebody else wrote about it. Taxes, data transfer and support aren't in it.
 */
export interface Price {
  readonly usd: number;
  /** Of what: the unit in which things are counted in `Measured`. */
  readonly per: string;
  readonly page: string;
  readonly isVerified: boolean;
}

export const PRICED_AT = '2026-11-21';

const byAws = (usd: number, per: string, page: string): Price => ({ usd, per, page, isVerified: true });
const byOthers = (usd: number, per: string, page: string): Price => ({ usd, per, page, isVerified: false });

export const PRICES = {
  'lambda-request': byOthers(0.2e-6, 'request', 'cloudchipr.com/blog/aws-lambda-pricing'),
  'lambda-gb-second': byOthers(
    0.0000133334,
    'GB-second of arm64',
    'cloudchipr.com/blog/aws-lambda-pricing (ARM, first 7.5 billion GB-seconds)',
  ),
  'states-transition': byAws(0.000025, 'state transition', 'aws.amazon.com/step-functions/pricing'),
  'dynamodb-write-unit': byOthers(
    0.625e-6,
    'write request unit',
    'airbyte.com/data-engineering-resources/dynamodb-pricing',
  ),
  'dynamodb-read-unit': byOthers(
    0.125e-6,
    'read request unit',
    'airbyte.com/data-engineering-resources/dynamodb-pricing',
  ),
  'events-custom': byOthers(1e-6, 'event of 64 kB', 'cloudburn.io/blog/amazon-eventbridge-pricing'),
  'scheduler-invocation': byOthers(1e-6, 'invocation', 'cloudburn.io/blog/amazon-eventbridge-pricing'),
  'sqs-request': byOthers(
    0.4e-6,
    'request of 64 kB',
    'factualminds.com/blog/amazon-sqs-pricing-64kb-rule-fifo-vs-standard',
  ),
  'sns-publish': byOthers(0.5e-6, 'publish', 'factualminds.com/blog/amazon-sns-pricing-publishes-fanout-protocols'),
  'sns-email': byOthers(20e-6, 'e-mail', 'factualminds.com/blog/amazon-sns-pricing-publishes-fanout-protocols'),
  'cloudwatch-alarm': byOthers(
    0.1,
    'alarm with periods of a minute or more, a month',
    'c3x.dev/resources/aws/aws_cloudwatch_metric_alarm',
  ),
  'cloudwatch-composite-alarm': byOthers(
    0.5,
    'composite alarm, a month',
    'c3x.dev/resources/aws/aws_cloudwatch_metric_alarm',
  ),
  'cloudwatch-request': byOthers(0.01e-3, 'API request, or metric asked for by GetMetricData', 'general knowledge'),
  'cloudwatch-metric': byOthers(0.3, 'custom metric, a month', 'general knowledge'),
  'cloudwatch-dashboard': byOthers(3, 'dashboard, a month', 'general knowledge'),
  'logs-gigabyte': byOthers(0.5, 'GB taken in', 'general knowledge'),
  'kms-key': byOthers(1, 'key, a month', 'general knowledge'),
  's3-put': byOthers(0.005e-3, 'PUT request', 'general knowledge'),
  'api-request': byOthers(1e-6, 'request to an HTTP API', 'general knowledge'),
  secret: byOthers(0.4, 'secret, a month', 'general knowledge'),
} as const satisfies Readonly<Record<string, Price>>;

export type Priced = keyof typeof PRICES;
/** How much of each thing that has a price. */
export type Amounts = Readonly<Partial<Record<Priced, number>>>;
