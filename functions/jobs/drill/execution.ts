/** What the execution of a rehearsal is called. */
import { createHash } from 'node:crypto';
import type { RunIdentity } from '../job.ts';
import type { State } from './decide.ts';

/** The same on every delivery, so that a rehearsal is started once; an execution's name has 80 characters at most ("StartExecution", AWS Step Functions). */
export const executionOf = ({ subject, scheduledAt }: RunIdentity, { attempt }: Pick<State, 'attempt'>): string =>
  `drill-${subject}-${createHash('sha256').update(`${subject}\n${scheduledAt}`).digest('hex').slice(0, 12)}-${attempt}`;
