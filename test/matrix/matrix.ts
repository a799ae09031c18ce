/** What all points of one deployment share. */
import type { Deployment } from './deployment.ts';
import { type Journal, readJournal } from './journal.ts';
import type { Lanes } from './lanes.ts';
import type { Place } from './place.ts';
import type { Reconciling } from './reconciling.ts';
import type { OpenCase } from './types.ts';

export interface Matrix {
  readonly place: Place;
  readonly deployment: Deployment;
  readonly cases: ReadonlyMap<string, OpenCase>;
  /** By remediation: whose alarms its targets have, too. */
  readonly rivals: ReadonlyMap<string, string>;
  /** Remediations that change nothing: they call a person, and that is no end. */
  readonly callsOnly: ReadonlySet<string>;
  /** Functions, one point's at a time. */
  readonly lanes: Lanes;
  /** What was found at the very moment of a change, by token. */
  readonly found: Map<string, string[]>;
  /** Absent: the verdict falls after the deliveries. */
  readonly reconciling?: Reconciling;
}

export const journalOf = ({ place, deployment }: Matrix, token: string): Promise<Journal> =>
  readJournal(place.clients.journal, deployment.table, place.observer.keysOf(token));
