import { runtimeConfig } from '../../engine/config.ts';
import { log } from '../../engine/log.ts';
import { measure } from '../../engine/metrics.ts';
import { type Beaten, beat } from './beat.ts';
import { manifest } from './manifest.ts';

/**
 * Started each minute: all databases that want it at once, each in its own session. What one can't do keeps no other from it, and is no failure of the run: one message
 * a minute would bury everything else in the failure queue. Databases that aren't set up are counted, and an alarm of their own calls a person.
 * Of each database it measures whether its server answered within the minute: the alarm `<database>-down` watches that.
 */
export const handler = async (): Promise<readonly Beaten[]> => {
  const { name, databases, region } = runtimeConfig();
  const rhythm = { beats: manifest.beats, everyMs: 1000 * manifest.everySeconds };
  const beaten = await Promise.all(
    Object.values(databases)
      .filter(({ heartbeat }) => heartbeat)
      .map((database) => beat(database, region, rhythm)),
  );
  for (const each of beaten) if (each.why !== undefined) log('WARN', 'heartbeats are missing', { ...each });
  const notSetUp = beaten.filter(({ isNotSetUp }) => isNotSetUp).length;
  if (notSetUp > 0) measure(name, [{ name: 'HeartbeatsNotSetUp', value: notSetUp }]);
  measure(
    name,
    beaten.map(({ database, isAnswered }) => ({
      ...{ name: 'DatabaseUnanswered', value: isAnswered ? 0 : 1 },
      dimensions: { DBInstanceIdentifier: database },
    })),
  );
  return beaten;
};
