/** Follows the journal of a running world and tells each entry once, in the order in which it was written. */
import type { Incident, IncidentWithTimeline, JournalEntry } from '../../events/journal.ts';

export interface FollowedJournal {
  /** Newest first. */
  listIncidents(): Promise<readonly Incident[]>;
  readIncident(id: string): Promise<IncidentWithTimeline | undefined>;
}

const POLL_MS = 200;
/** A spectator isn't what a busy world is busy with: after a reading, this many times as long passes without one. */
const REST = 4;
/** An incident may be written to after it was resolved (handing back), so it is followed this much longer. */
const FOLLOW_RESOLVED_MS = 1_800_000;

export interface Follower {
  /** Reads now: everything written before the call has been told when it resolves. */
  flush(): Promise<void>;
  /** Reads once more, so that nothing written before is missed, and ends. */
  stop(): Promise<void>;
}

/**
 * @param tell called once for each entry, oldest first within a reading.
 * @param onError told when the journal can't be read (it is tried again): a fault may have been injected on purpose.
 */
export function followJournal(
  journal: FollowedJournal,
  tell: (entry: JournalEntry, incident: Incident) => void,
  onError: (error: unknown) => void,
  pollMs: number = POLL_MS,
): Follower {
  const told = new Set<string>();
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  // Readings come one after another: two at once could tell an entry twice.
  let reading = Promise.resolve();
  const read = (): Promise<void> => {
    reading = reading.then(() => readOnce(journal, told, tell)).catch(onError);
    return reading;
  };
  const again = (): void => {
    if (stopped) return;
    const pause = Math.max(pollMs, REST * (performance.now() - begun));
    timer = setTimeout(() => {
      begun = performance.now();
      void read().then(again);
    }, pause);
  };
  let begun = performance.now();
  void read().then(again);
  return {
    flush: read,
    stop: () => {
      stopped = true;
      clearTimeout(timer);
      return read();
    },
  };
}

async function readOnce(
  journal: FollowedJournal,
  told: Set<string>,
  tell: (entry: JournalEntry, incident: Incident) => void,
): Promise<void> {
  const followed = (await journal.listIncidents()).filter(isFollowed);
  const stories = await Promise.all(followed.map(({ id }) => journal.readIncident(id)));
  const fresh = stories.flatMap((story) =>
    story ? story.timeline.filter(({ id }) => !told.has(id)).map((entry) => ({ entry, story })) : [],
  );
  for (const { entry, story } of fresh.sort((a, b) => (a.entry.id < b.entry.id ? -1 : 1))) {
    told.add(entry.id);
    tell(entry, story);
  }
}

const isFollowed = ({ resolvedAt }: Incident): boolean =>
  resolvedAt === undefined || Date.now() - Date.parse(resolvedAt) < FOLLOW_RESOLVED_MS;

/** `HH:MM:SS.mmm`, local time. */
export function timeOfDay(iso: string): string {
  const at = new Date(iso);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, '0')}`;
}
