/** One run of the reconciler on the engine world's journal; CloudWatch and Lambda are told what to answer. */
import { DescribeAlarmsCommand, type ListTagsForResourceCommand } from '@aws-sdk/client-cloudwatch';
import type { InvokeCommand } from '@aws-sdk/client-lambda';
import type { Outcome } from '../../events/outcome.ts';
import type { RuntimeConfig } from '../../functions/engine/config.ts';
import type { CloudWatch } from '../../functions/incidents/reconciler/alarms.ts';
import { type ReconcilerReport, reconcile, type Surroundings } from '../../functions/incidents/reconciler/run.ts';
import type { EngineWorld } from './engine-world.ts';

const CHANGED_BEFORE_MS = 120_000;

export interface Run {
  readonly report: ReconcilerReport;
  /** What came of each order, with the target it was for. */
  readonly outcomes: readonly { readonly target: string; readonly outcome: Outcome }[];
}

/**
 * Runs it at `at`, with every alarm of `firing` (by name) in ALARM and all others OK, and delivers its orders as Lambda would.
 */
export async function reconcileOnce(
  world: EngineWorld,
  at: number,
  firing: ReadonlySet<string>,
  config: RuntimeConfig,
): Promise<Run> {
  const orders: { target?: string; signal?: { target: string } }[] = [];
  const described = (names: readonly string[]) =>
    names.map((name) => ({
      AlarmName: name,
      AlarmArn: `arn:aws:cloudwatch:us-east-1:000000000000:alarm:${name}`,
      StateValue: firing.has(name) ? 'ALARM' : 'OK',
      StateTransitionedTimestamp: new Date(at - CHANGED_BEFORE_MS),
    }));
  const cloudwatch = {
    send: async (command: DescribeAlarmsCommand | ListTagsForResourceCommand) =>
      command instanceof DescribeAlarmsCommand
        ? { MetricAlarms: described(command.input.AlarmNames ?? []) }
        : { Tags: [] },
  } as unknown as CloudWatch;
  const lambda = {
    send: async (command: InvokeCommand) => {
      orders.push(JSON.parse(String(command.input.Payload)));
      return {};
    },
  } as unknown as Surroundings['lambda'];
  const report = await reconcile({
    store: world.store,
    cloudwatch,
    cloudwatchIn: () => cloudwatch,
    lambda,
    config,
    functions: Object.fromEntries(Object.keys(config.runbooks).map((name) => [name, name])),
    now: () => at,
    requestId: `run-${at}`,
    remaining: () => 240_000,
  });
  const outcomes: { target: string; outcome: Outcome }[] = [];
  for (const order of orders)
    outcomes.push({
      target: order.signal?.target ?? order.target ?? '',
      outcome: await world.deliver(order, { config, now: () => at }),
    });
  return { report, outcomes };
}
