/** Checking what is put on a bus (EventBridge API reference, PutEvents; user guide, "Sending events with PutEvents", "Calculating event entry size"). */
import { AwsFault } from '../../world/types.ts';

export interface Entry {
  readonly Source?: string;
  readonly DetailType?: string;
  readonly Detail?: string;
  readonly EventBusName?: string;
  readonly Resources?: readonly string[];
  /** Seconds since 1970, or ISO 8601. */
  readonly Time?: number | string;
}

export interface EntryError {
  readonly ErrorCode: string;
  readonly ErrorMessage: string;
}

/** Raised from 256 kB to 1 MB in January 2026; counted over all entries of a request. */
export const MAX_BYTES = 1_048_576;
const MAX_ENTRIES = 10;

const bytes = (text: string | undefined): number => Buffer.byteLength(text ?? '');

/** Size of an entry by AWS's own formula. */
export function entrySize(entry: Entry): number {
  const resources = (entry.Resources ?? []).reduce((sum, resource) => sum + bytes(resource), 0);
  return (
    (entry.Time === undefined ? 0 : 14) +
    bytes(entry.Source) +
    bytes(entry.DetailType) +
    bytes(entry.Detail) +
    resources
  );
}

/** @throws AwsFault ValidationException when the request as a whole is refused. */
export function checkRequest(entries: unknown): readonly Entry[] {
  if (!Array.isArray(entries) || entries.length === 0 || entries.length > MAX_ENTRIES)
    throw new AwsFault(
      'ValidationException',
      `1 validation error detected: Value at 'entries' failed to satisfy constraint: Member must have length between 1 and ${MAX_ENTRIES}`,
    );
  const total = (entries as readonly Entry[]).reduce((sum, entry) => sum + entrySize(entry), 0);
  if (total > MAX_BYTES)
    throw new AwsFault('ValidationException', 'Total size of the entries in the request is over the limit.');
  return entries as readonly Entry[];
}

const missing = (name: string): EntryError => ({
  ErrorCode: 'InvalidArgument',
  ErrorMessage: `Parameter ${name} is not valid. Reason: ${name} is a required argument.`,
});

/** Why an entry is refused, or nothing. */
export function entryError(entry: Entry): EntryError | undefined {
  if (!entry.Source) return missing('Source');
  if (!entry.DetailType) return missing('DetailType');
  if (!entry.Detail) return missing('Detail');
  if (entry.Source.startsWith('aws.'))
    return { ErrorCode: 'NotAuthorizedForSourceException', ErrorMessage: 'Not authorized for the source.' };
  try {
    const detail: unknown = JSON.parse(entry.Detail);
    if (typeof detail === 'object' && detail !== null && !Array.isArray(detail)) return undefined;
  } catch {
    // Not JSON at all: the same answer.
  }
  return { ErrorCode: 'MalformedDetail', ErrorMessage: 'Detail is malformed.' };
}
