import { runtimeConfig } from '../../engine/config.ts';
import { log } from '../../engine/log.ts';
import { type Beaten, beat } from './beat.ts';
import { manifest } from './manifest.ts';

/** Started each minute: all databases that want it at once, each in its own session. What one can't do keeps no other from it. */
export const handler = async (): Promise<readonly Beaten[]> => {
  const { databases, region } = runtimeConfig();
  const rhythm = { beats: manifest.beats, everyMs: 1000 * manifest.everySeconds };
  const ended = await Promise.allSettled(
    Object.values(databases)
      .filter(({ heartbeat }) => heartbeat)
      .map((database) => beat(database, region, rhythm)),
  );
  const beaten = ended.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  for (const each of beaten) if (each.why !== undefined) log('WARN', 'heartbeats are missing', { ...each });
  const failed = ended.find((each) => each.status === 'rejected');
  if (failed) throw failed.reason;
  return beaten;
};
