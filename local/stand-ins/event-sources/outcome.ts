/** What a function's answer to a batch means ("Using Lambda with DynamoDB: reporting batch item failures", "Handling errors for an SQS event source"). */
import type { LocalLambda, RunResult } from '../lambda/types.ts';
import type { Mapping } from './mapping.ts';

export type BatchOutcome =
  | { readonly kind: 'done' }
  /** Identifiers that failed; all others succeeded. */
  | { readonly kind: 'partly'; readonly failed: ReadonlySet<string> }
  | { readonly kind: 'failed'; readonly why: string }
  /** Didn't run: doesn't count as an attempt. */
  | { readonly kind: 'not-run'; readonly why: string };

/**
 * @param identifiers of the batch, in order.
 * @param reportsFailures whether the mapping asked for `ReportBatchItemFailures`.
 */
export function batchOutcome(
  result: RunResult,
  identifiers: readonly string[],
  reportsFailures: boolean,
): BatchOutcome {
  if (result.kind === 'throttled') return { kind: 'not-run', why: result.reason };
  if (result.kind === 'system-error') return { kind: 'not-run', why: result.message };
  if (result.kind === 'function-error') return { kind: 'failed', why: result.errorType };
  if (!reportsFailures) return { kind: 'done' };
  const answer = JSON.parse(result.payload) as { batchItemFailures?: unknown } | null;
  const failures = answer?.batchItemFailures;
  // Nothing, null, or an empty list: complete success.
  if (failures === undefined || failures === null) return { kind: 'done' };
  if (!Array.isArray(failures)) return { kind: 'failed', why: 'batchItemFailures isn’t a list' };
  if (failures.length === 0) return { kind: 'done' };
  const failed = failures.map((one: { itemIdentifier?: unknown }) => one?.itemIdentifier);
  const isKnown = failed.every((id) => typeof id === 'string' && identifiers.includes(id));
  if (!isKnown) return { kind: 'failed', why: 'batchItemFailures names an item that isn’t in the batch' };
  return { kind: 'partly', failed: new Set(failed as string[]) };
}

/** Invokes the mapping's function with a batch; a function that can't be found counts as not run, so that the batch stays where it is. */
export async function invokeSafely(
  lambda: LocalLambda,
  { functionArn, region }: Pick<Mapping, 'functionArn' | 'region'>,
  records: readonly unknown[],
): Promise<RunResult> {
  try {
    return await lambda.invoke(functionArn, region, { Records: records });
  } catch (error) {
    return { kind: 'system-error', message: error instanceof Error ? error.message : String(error) };
  }
}
