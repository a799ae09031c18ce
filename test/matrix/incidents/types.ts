/** The matrix of the functions behind the journal: each delivery of each, with every AWS call interrupted. */
import type { SFNClient } from '@aws-sdk/client-sfn';
import type { Store } from '../../../functions/engine/store.ts';
import type { LocalStepFunctions } from '../../../local/stand-ins/step-functions/index.ts';
import type { Receiver } from '../../support/notify/receiver.ts';
import type { Place } from '../place.ts';
import type { Kind, Seam } from '../types.ts';
import type { Effects } from './effects.ts';

/**
 * How a delivery comes again: `retry`: as its source repeats it (stream, Lambda's two retries, Step Functions, the schedule, a person who presses
 * again). `concurrent`: twice at the same time, and each as its source repeats it.
 */
export const MODES = ['retry', 'concurrent'] as const;
export type Mode = (typeof MODES)[number];

export interface IncidentPoint {
  /** Name of the function. */
  readonly unit: string;
  /** What is delivered to it: a name in its case's `deliveries`. */
  readonly delivery: string;
  readonly seam: Seam;
  readonly kind: Kind;
  readonly mode: Mode;
}

export const nameOfPoint = ({ unit, delivery, seam, kind, mode }: IncidentPoint): string =>
  `${unit} ${delivery}: ${seam.service} ${seam.operation} #${seam.nth} ${kind}, ${mode}`;

/** What the functions under test work with, once for each lane. */
export interface Site {
  readonly place: Place;
  readonly stepFunctions: LocalStepFunctions;
  readonly sfn: SFNClient;
  /** The journal, past the gateway: what the matrix reads and writes itself meets no fault. */
  readonly store: Store;
  /** Name of the deployment that it belongs to. */
  readonly deployment: string;
  /** The function under test in this lane. */
  readonly functionName: string;
  /** State machine of the follow-through whose function is the one under test, or of one that meets no fault. */
  readonly machineArn: string;
  /** What reached the services around. */
  readonly effects: Effects;
  /** The vendors' side of a webhook channel. */
  readonly receiver: Receiver;
  readonly bucketUrl: string;
}

/** A delivery that is ready to be made, about an incident of its own. */
export interface Prepared {
  /**
   * Makes it `copies` times at once, and again as its source does until it is taken.
   * @returns what was given up, as sentences.
   */
  deliver(copies: number): Promise<string[]>;
  /** The fault may be met after `deliver` has returned: the execution goes on by itself. */
  readonly lingers?: true;
  /** What must hold afterwards: sentences about what doesn't. */
  check(point: Pick<IncidentPoint, 'seam' | 'kind' | 'mode'>): Promise<string[]>;
  /** Ends what would go on. */
  dispose?(): Promise<void>;
}

/** A function's side of this matrix; one file in `cases/`, named after it. */
export interface UnitCase {
  readonly unit: string;
  /** Secrets are read by a new process only: a delivery in which that is interrupted gets one. */
  readonly readsSecrets?: true;
  /** A journal for each lane: what is looked for in the whole table must not be another point's. */
  readonly ownJournal?: true;
  readonly deliveries: Readonly<Record<string, (site: Site, incidentId: string) => Promise<Prepared>>>;
}
