/** Structured log lines: one JSON object each. Only outcomes and errors are logged, never events, so that no secret can slip in. */
import type { MiddlewareObj } from '@middy/core';
import type { Outcome } from '../../events/outcome.ts';
import { runtimeConfig } from './config.ts';
import { measure, outcomeMeasures } from './metrics.ts';

export function log(
  level: 'INFO' | 'WARN' | 'ERROR',
  message: string,
  fields: Readonly<Record<string, unknown>> = {},
): void {
  process.stdout.write(`${JSON.stringify({ level, message, at: new Date().toISOString(), ...fields })}\n`);
}

/** Logs what became of an invocation, and measures it. `onError` answers nothing: the error goes on to Lambda. */
export function logOutcome(name: string): MiddlewareObj<unknown, Outcome> {
  return {
    after: ({ event, response, context }) => {
      log('INFO', `${name}: ${response?.kind ?? 'no outcome'}`, { requestId: context.awsRequestId, outcome: response });
      if (response) measure(runtimeConfig().name, outcomeMeasures(name, response, event, Date.now()));
    },
    onError: ({ error, context }) => {
      log('ERROR', `${name}: ${error?.message ?? 'unknown error'}`, {
        requestId: context.awsRequestId,
        error: error?.name,
        retryable: error !== null && typeof error === 'object' && 'retryable' in error ? error.retryable : undefined,
        cause: error?.cause instanceof Error ? error.cause.name : undefined,
      });
    },
  };
}
