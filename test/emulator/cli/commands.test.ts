/** The commands of a person on a real journal: what they ask, write, print and refuse. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Command } from '../../../cli/command.ts';
import { resolveCommands } from '../../../cli/commands/resolve.ts';
import { targetCommands } from '../../../cli/commands/targets.ts';
import { main } from '../../../cli/main.ts';
import { personAt } from '../../../cli/person.ts';
import { incidentDocument } from '../../../events/published/incidents.ts';
import { targetsDocument } from '../../../events/published/targets.ts';
import { readTargets } from '../../../functions/engine/operator.ts';
import { manifest } from '../../../functions/remediations/scale-out-service/manifest.ts';
import { type EngineWorld, numberAlarm, openEngineWorld } from '../../support/engine-world.ts';
import { config } from '../../support/fixtures.ts';
import { LOCAL_PLACE, recorder } from '../../unit/cli/harness.ts';

let world: EngineWorld;
let commands: Command[];
beforeAll(async () => {
  world = await openEngineWorld();
  const parts = {
    open: () => world.store,
    person: async () => 'person:jane',
    deployment: async () => ({ name: 'test', config, manifests: [manifest] }),
  };
  commands = [...resolveCommands(parts), ...targetCommands(parts)];
});
afterAll(() => world?.close());

async function type(argv: readonly string[], answer?: boolean) {
  const io = recorder(answer);
  const code = await main(argv, io, { commands, find: async () => LOCAL_PLACE });
  return { code, out: io.stdout, err: io.stderr, last: () => JSON.parse(io.stdout.at(-1) ?? '') };
}
const KEY = 'ecs-service/orders/backend';
const item = async () => (await readTargets(world.store, [KEY])).get(KEY);

describe('the name of a person on AWS', () => {
  it('is asked of STS', async () => {
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    const clientSettings = { endpoint: world.gateway.url, region: 'us-east-1', credentials };
    const from = world.gateway.callsSince(0).next;
    expect(await personAt({ clientSettings })).toMatch(/^person:[^:]+$/);
    expect(world.gateway.callsSince(from).calls.map(({ operation }) => operation)).toEqual(['GetCallerIdentity']);
  });
});

describe('take-over and release', () => {
  it('write who, until when and why, after a yes', async () => {
    const taken = await type(['take-over', 'backend', '--for', '30m', '--reason', 'migration', '--json'], true);
    expect(taken.code).toBe(0);
    expect(taken.err[0]).toContain(`keep Nightshift's hands off ${KEY} for 30m`);
    const [target] = targetsDocument.parse(taken.last()).targets;
    expect(target?.takenOver).toMatchObject({ by: 'person:jane', reason: 'migration' });
    const { since, until } = target?.takenOver ?? { since: '', until: '' };
    expect(Date.parse(until) - Date.parse(since)).toBe(30 * 60_000);
    expect((await type(['targets'])).out.join('\n')).toMatch(/person:jane until .* \(migration\)/);
  });

  it('change nothing after a no, or when nobody can answer', async () => {
    const before = await item();
    expect((await type(['release', 'backend'], false)).code).toBe(1);
    expect((await type(['release', 'backend'])).code).toBe(2);
    expect(await item()).toEqual(before);
  });

  it('give it back once, and say so the second time', async () => {
    expect((await type(['release', 'backend', '--yes'])).code).toBe(0);
    expect((await item())?.takenOver).toBeUndefined();
    const again = await type(['release', 'backend', '--yes']);
    expect(again.code).toBe(1);
    expect(again.err.at(-1)).toBe(`${KEY} is in Nightshift's hands already: nobody has taken it over`);
  });

  it.each([
    [['take-over']],
    [['take-over', 'frontend', '--yes']],
    [['take-over', 'backend', '--for', 'ever', '--yes']],
    [['targets', 'backend']],
  ])('refuse %j as wrong usage', async (argv) => {
    expect((await type(argv)).code).toBe(2);
  });
});

describe('ack and resolve', () => {
  it('are kept in the incident, with the person and the reason', async () => {
    world.hooks.decide = () => ({ kind: 'escalate', reason: 'no idea' });
    const outcome = await world.deliver(numberAlarm('backend', 'ALARM', { id: 'to-resolve' }));
    const id = 'incidentId' in outcome ? outcome.incidentId : '';
    const acknowledged = await type(['ack', id, '--yes', '--json']);
    expect(incidentDocument.parse(acknowledged.last()).incident).toMatchObject({ acknowledgedBy: 'person:jane' });
    expect((await type(['ack', id, '--yes'])).err.at(-1)).toMatch(/^person:jane had acknowledged it already/);
    const resolved = await type(['resolve', id, '--reason', 'a false alarm', '--yes', '--json']);
    expect(resolved.err.at(-1)).toBe('not OK, and not looked at until they fire anew: backend-cpu');
    const { incident } = incidentDocument.parse(resolved.last());
    expect(incident.state).toBe('resolved');
    expect(incident.timeline.at(-1)).toMatchObject({ by: 'person:jane', summary: 'ended by a person: a false alarm' });
    expect((await type(['resolve', id, '--reason', 'again', '--yes'])).code).toBe(1);
  });

  it('ask for a reason to end one, and for an incident that exists', async () => {
    expect((await type(['resolve', 'inc-1', '--yes'])).code).toBe(2);
    expect((await type(['ack', 'inc-1', '--yes'])).err.at(-1)).toMatch(/no incident "inc-1"/);
  });
});
