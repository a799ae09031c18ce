/** Every signal ends in exactly one of these (invariant I1). */
export type Outcome =
  | { readonly kind: 'remediated'; readonly incidentId: string; readonly actionId: string }
  | { readonly kind: 'already-fine'; readonly reason: string }
  | { readonly kind: 'would-act'; readonly incidentId: string; readonly change: string }
  | { readonly kind: 'awaiting-approval'; readonly incidentId: string }
  | { readonly kind: 'held'; readonly reason: HoldReason; readonly detail: string; readonly recheckAt: string }
  | {
      readonly kind: 'refused';
      readonly guardrail: Guardrail;
      readonly setting: string;
      readonly present: string;
      readonly recheckAt: string;
    }
  | { readonly kind: 'contended'; readonly detail: string; readonly recheckAt: string }
  | { readonly kind: 'joined'; readonly incidentId: string; readonly recheckAt?: string }
  | { readonly kind: 'duplicate'; readonly of: string }
  /** This remediation can't go on; the next one of the runbook's ladder gets the signal. */
  | { readonly kind: 'handed-on'; readonly incidentId: string; readonly to: string; readonly reason: string }
  | { readonly kind: 'escalated'; readonly incidentId: string; readonly reason: string }
  | { readonly kind: 'rejected'; readonly reason: RejectReason; readonly detail: string }
  /** A signal that says a trouble is over; it changes nothing by itself. */
  | { readonly kind: 'noted'; readonly detail: string };

export type OutcomeKind = Outcome['kind'];

/** Passing reasons for which a signal is looked at again later. */
export const HOLD_REASONS = [
  'paused',
  'first-evaluation',
  'stale',
  'maintenance',
  'change-under-way',
  'upstream-in-trouble',
  'storm',
  'hands-off',
  'lease',
  'actions-disabled',
] as const;
export type HoldReason = (typeof HOLD_REASONS)[number];

/** Limits that can refuse an admitted decision, in the order in which they are named when several refuse. */
export const GUARDRAILS = [
  'switch',
  'window',
  'lease',
  'version',
  'cooldown',
  'target-budget',
  'runbook-budget',
  'fleet-budget',
  'removal-budget',
  'alarm-recovered',
] as const;
export type Guardrail = (typeof GUARDRAILS)[number];

/** Why an event can't be acted on at all. */
export type RejectReason =
  | 'malformed'
  | 'not-an-alarm'
  | 'no-target'
  | 'foreign-metric'
  /** A happening that the invoked remediation doesn't listen to. */
  | 'foreign-event'
  | 'target-not-configured'
  | 'several-targets'
  | 'insufficient-data'
  | 'auto-scaling-alarm'
  | 'wrong-runbook'
  | 'mode-off';
