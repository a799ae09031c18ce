/** What the state machine of a plan asks of the plan's function, and what that answers (docs/decisions/0130). */

export type PlanOrder =
  | { readonly do: 'open'; readonly run: string; readonly input: unknown }
  | { readonly do: 'step'; readonly run: string; readonly step: string }
  | { readonly do: 'back-out'; readonly run: string; readonly why: string }
  | { readonly do: 'close'; readonly run: string };

/** A step that fails throws. */
export type PlanAnswer =
  | { readonly kind: 'done' }
  | { readonly kind: 'wait'; readonly seconds: number }
  /** `isStopped`: a person wanted that, so nobody has to be called. */
  | { readonly kind: 'backed-out'; readonly isStopped?: true }
  | { readonly kind: 'needs-person' };

/**
 * The run that an execution belongs to. An execution named `<run>.2` takes up a run whose first execution was aborted; "StartExecution", AWS
 * Step Functions API Reference, allows dots in names. Only what ends like that takes a run up, and only with its input or none (`open`).
 */
export const runOf = (executionName: string): string => executionName.replace(/\.\d+$/, '');
