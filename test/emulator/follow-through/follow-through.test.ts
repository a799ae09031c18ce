import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { RetryableError } from '../../../functions/engine/errors.ts';
import { acknowledge } from '../../../functions/engine/operator.ts';
import { BadRequestError } from '../../../functions/incidents/follow-through/errors.ts';
import { EVERYBODY, type FollowWorld, openFollowWorld, SECOND } from '../../support/follow-world.ts';
import { ALARM } from '../../support/timeline.ts';

jest.setTimeout(180_000);
let world: FollowWorld;
beforeAll(async () => {
  jest.spyOn(process.stdout, 'write').mockImplementation(() => true);
  world = await openFollowWorld();
});
afterAll(async () => {
  jest.restoreAllMocks();
  await world?.close();
});
afterEach(() => {
  world.hook = undefined;
  world.publisher.isOn = true;
  world.refusing.clear();
  world.describesPerSecond = world.config.fleet.describesPerSecond;
  world.alarm = { state: 'ALARM', since: world.now() };
});

const executionsOf = (id: string) => world.stepFunctions.executions().filter(({ arn }) => arn.includes(id));
const statusOf = (id: string) => executionsOf(id).map(({ status }) => status);
const pagesOf = (id: string) => world.pages.filter(({ message }) => message.includes(id));
const calls = async (id: string) =>
  (await world.incident(id)).timeline.flatMap(({ kind, data }) => (kind === 'called' ? [data.level] : []));
const waiting = (id: string) =>
  world.until(`${id} waits`, async () => ((await world.following(id))?.token ? true : undefined));
/** For the better part of an hour, which are seconds here: nothing moves meanwhile by itself. */
const waitingForLong = (id: string) =>
  world.until(`${id} waits for long`, async () => {
    const item = await world.following(id);
    return item?.token !== undefined && item.until > world.now() + 30 * 60_000 ? item : undefined;
  });
const ended = (id: string) =>
  world.until(`${id} is over`, () => (statusOf(id).every((each) => each === 'SUCCEEDED') ? true : undefined));

describe('the follow-through', () => {
  it('begins with the incident, waits, and ends with it', async () => {
    const id = await world.open();
    await waiting(id);
    expect(statusOf(id)).toEqual(['RUNNING']);
    await world.write(id, 'resolved');
    await ended(id);
    expect((await world.following(id))?.endedAt).toBeDefined();
    expect(pagesOf(id)).toEqual([]);
  });

  it('notices an end that came before it had a token to be woken by', async () => {
    const id = await world.open();
    world.hook = async (asked) => {
      // Between its look and its wait: the publisher finds no token.
      if (asked.do !== 'wait' || asked.incidentId !== id) return;
      world.hook = undefined;
      await world.write(id, 'alarm-ok', { subject: ALARM });
      await world.write(id, 'resolved');
    };
    await ended(id);
  });

  it('has an incident ended whose OK nobody heard of', async () => {
    const id = await world.open();
    await waiting(id);
    world.alarm = { state: 'OK', since: world.now() };
    const order = await world.until('an order to settle', () =>
      world.orders.find(
        ({ command }) => command.command === 'settle' && command.target === 'ecs-service/orders/backend',
      ),
    );
    expect(order).toEqual({
      functionName: 'scale-out',
      command: { nightshift: 1, command: 'settle', target: 'ecs-service/orders/backend', alarms: { [ALARM]: 'OK' } },
    });
    await world.write(id, 'resolved');
    await ended(id);
  });

  it('asks CloudWatch in turns when deadlines fall together, and forgets none', async () => {
    // Half of it is the looks': a call every 20 s.
    world.describesPerSecond = 0.1;
    const [asks, drawn] = [world.asked.length, world.turns.length];
    const ids = await Promise.all(Array.from({ length: 6 }, () => world.open()));
    await world.until('all have asked', () => (world.asked.length >= asks + ids.length ? true : undefined));
    const turns = world.turns.slice(drawn).sort((a, b) => a - b);
    const asked = world.asked.slice(asks).sort((a, b) => a - b);
    for (const [place, turn] of turns.entries()) {
      if (place > 0) expect(turn - (turns[place - 1] ?? 0)).toBeGreaterThanOrEqual(20_000);
      expect(asked[place] ?? Number.POSITIVE_INFINITY).toBeGreaterThanOrEqual(turn);
    }
    for (const id of ids)
      await world.until('it waits for its turn no longer', async () =>
        (await world.following(id))?.turnAt === undefined ? true : undefined,
      );
    for (const id of ids) await world.write(id, 'resolved');
    for (const id of ids) await ended(id);
  });

  it('hands the trouble to the next rung once', async () => {
    const id = await world.open();
    await waiting(id);
    const signal = { id: 'event-1#rung-1', source: 'cloudwatch-alarm', subject: ALARM, state: 'firing', rung: 1 };
    const command = { nightshift: 1, command: 'signal', signal };
    await world.write(id, 'not-verified', { next: { remediation: 'restart-service', runbook: 'high-cpu', command } });
    const order = await world.until('an order', () =>
      world.orders.find(({ functionName }) => functionName === 'restart'),
    );
    expect(order.command).toMatchObject({ command: 'signal', signal: { subject: ALARM, state: 'firing', rung: 1 } });
    await waiting(id);
    await world.write(id, 'resolved');
    await ended(id);
    expect(world.orders.filter(({ functionName }) => functionName === 'restart')).toHaveLength(1);
  });
});

describe('the ladder', () => {
  it('calls level after level, each by its own page, and the top again and again, until somebody answers [7b/escalation-ladder, 7b/alert-response-flow, D102]', async () => {
    const id = await world.open();
    await world.write(id, 'escalated', { undo: 'set it back to 2' }, 'at its maximum');
    await world.until('the top is called again', async () =>
      (await calls(id)).filter((level) => level === 3).length >= 3 ? true : undefined,
    );
    await acknowledge(world.store, id, 'person:ann', world.now());
    await world.until('it waits for ann', async () =>
      (await world.following(id))?.doing.startsWith('ann') ? true : undefined,
    );
    const made = await calls(id);
    expect(made.slice(0, 3)).toEqual([2, 3, 3]);
    await world.until('everything is paged', () => (pagesOf(id).length === made.length + 1 ? true : undefined));
    expect(
      pagesOf(id)
        .slice(0, 3)
        .map(({ topic }) => topic),
    ).toEqual([EVERYBODY, SECOND, EVERYBODY]);
    const [, second] = pagesOf(id);
    for (const text of [
      'Needs a person: at its maximum',
      'You are called because level 2 (secondary)',
      'To undo: set it back to 2',
      'Seen: alarm backend-cpu is firing',
      'Tried: nothing',
    ])
      expect(second?.message).toContain(text);
    const paged = (await world.incident(id)).timeline.filter(({ kind }) => kind === 'paged');
    expect(paged.map(({ summary }) => summary).slice(0, 2)).toEqual([
      'level 1 (primary) was paged',
      'level 2 (secondary) was paged',
    ]);
    await world.write(id, 'resolved');
    await ended(id);
    expect(await calls(id)).toEqual(made);
  });

  it('goes on at once when a level cannot be reached', async () => {
    world.refusing.add(SECOND);
    const id = await world.open();
    await world.write(id, 'escalated');
    await world.until('the third level is called', async () => ((await calls(id)).includes(3) ? true : undefined));
    const { timeline } = await world.incident(id);
    const [, third] = timeline.filter(({ kind }) => kind === 'called');
    expect(third?.summary).toContain('level 2 could not be reached');
    expect(timeline.filter(({ kind }) => kind === 'undelivered')).toHaveLength(1);
    world.refusing.clear();
    await world.write(id, 'resolved');
    await ended(id);
    await world.until('the second level is told after all', () =>
      pagesOf(id).some(({ topic }) => topic === SECOND) ? true : undefined,
    );
  });

  it('is told exactly once when nobody read the stream for an hour', async () => {
    world.publisher.isOn = false;
    const id = await world.open();
    const escalated = await world.write(id, 'escalated');
    const minutesLater = (minutes: number) =>
      world.until(`${minutes} minutes are over`, () =>
        world.now() > Date.parse(escalated.at) + minutes * 60_000 ? true : undefined,
      );
    await minutesLater(10);
    // The reconciler looks after what nobody started.
    expect(await world.reconcile()).toContain(id);
    await minutesLater(60);
    // Both other levels, and the last one again every five minutes: the ladder needs no stream.
    expect((await calls(id)).length).toBeGreaterThanOrEqual(3);
    expect(pagesOf(id)).toEqual([]);
    world.publisher.isOn = true;
    await acknowledge(world.store, id, 'person:ann', world.now());
    const made = await calls(id);
    await world.until('all is told', () => (pagesOf(id).length >= made.length + 1 ? true : undefined));
    await world.write(id, 'resolved');
    await ended(id);
    expect(pagesOf(id)).toHaveLength((await calls(id)).length + 1);
    expect(executionsOf(id)).toHaveLength(1);
  });

  it('begins anew for what fails after the end', async () => {
    const id = await world.open();
    await waiting(id);
    await world.write(id, 'resolved');
    await ended(id);
    await world.until('it is written down', async () => (await world.following(id))?.endedAt);
    await world.write(id, 'escalated', {}, 'hand-back failed');
    await world.until('a second execution calls', async () => ((await calls(id)).includes(2) ? true : undefined));
    expect(executionsOf(id).map(({ arn }) => arn.split(':').at(-1))).toEqual([id, `${id}-1`]);
    await world.write(id, 'handed-back');
    await ended(id);
  });
});

describe('when something dies', () => {
  it('an incident that is escalated after its end is taken up although its new execution failed before it had looked', async () => {
    const id = await world.open();
    await waiting(id);
    await world.write(id, 'resolved');
    await ended(id);
    await world.until('it is written down', async () => (await world.following(id))?.endedAt);
    world.hook = (asked) => {
      if (asked.incidentId === id) throw new BadRequestError('died');
    };
    await world.write(id, 'escalated', {}, 'hand-back failed');
    await world.until('its new execution has failed', () => (statusOf(id)[1] === 'FAILED' ? true : undefined));
    world.hook = undefined;
    await world.until('the reconciler takes it up', async () =>
      (await world.reconcile()).includes(id) ? true : undefined,
    );
    await world.until('a level is called', async () => ((await calls(id)).includes(2) ? true : undefined));
    await world.until('another one runs', () => (statusOf(id)[2] === 'RUNNING' ? true : undefined));
    await world.write(id, 'handed-back');
    await world.until('it is over', () => (statusOf(id)[2] === 'SUCCEEDED' ? true : undefined));
  });

  it('is begun anew when its first execution failed before it had looked', async () => {
    world.hook = () => {
      throw new BadRequestError('died');
    };
    const id = await world.open();
    await world.until('it has failed', () => (statusOf(id)[0] === 'FAILED' ? true : undefined));
    world.hook = undefined;
    expect(await world.following(id)).toBeUndefined();
    await world.ask({ do: 'ensure', incidentId: id });
    await waiting(id);
    expect(statusOf(id)).toEqual(['FAILED', 'RUNNING']);
    await world.write(id, 'resolved');
    await world.until('it is over', () => (statusOf(id)[1] === 'SUCCEEDED' ? true : undefined));
  });

  it('is begun anew when the execution that was to take it up failed, too', async () => {
    world.hook = () => {
      throw new BadRequestError('died');
    };
    const id = await world.open();
    await world.until('it has failed', () => (statusOf(id)[0] === 'FAILED' ? true : undefined));
    world.hook = undefined;
    await world.ask({ do: 'ensure', incidentId: id });
    await waiting(id);
    world.hook = () => {
      throw new BadRequestError('died again');
    };
    await world.write(id, 'acknowledged');
    await world.until('the second has failed', () => (statusOf(id)[1] === 'FAILED' ? true : undefined));
    await world.start(id, 2);
    await world.until('the third has failed', () => (statusOf(id)[2] === 'FAILED' ? true : undefined));
    world.hook = undefined;
    await world.until('it is late', async () => {
      const { dueAt = Number.POSITIVE_INFINITY } = (await world.following(id)) ?? {};
      return dueAt <= world.now() ? true : undefined;
    });
    await world.ask({ do: 'ensure', incidentId: id });
    await world.until('a fourth runs', () => (statusOf(id)[3] === 'RUNNING' ? true : undefined));
    await world.write(id, 'resolved');
    await world.until('it is over', () => (statusOf(id)[3] === 'SUCCEEDED' ? true : undefined));
  });

  it('who takes an incident up and dies leaves an execution that can still be woken', async () => {
    const id = await world.open();
    const { token } = await waitingForLong(id);
    const dies = { service: 'states', operation: 'StartExecution' };
    world.gateway.faults.add({ name: 'dies', match: dies, kind: 'refused' });
    try {
      await expect(world.ask({ do: 'ensure', incidentId: id })).rejects.toThrow('AccessDenied');
    } finally {
      world.gateway.faults.remove('dies');
    }
    expect((await world.following(id))?.token).toBe(token);
    await world.write(id, 'resolved');
    await ended(id);
  });

  it('a function that is killed after each of its writes calls nobody twice', async () => {
    const id = await world.open();
    await waiting(id);
    let deaths = 0;
    world.hook = async (asked) => {
      if (asked.incidentId !== id || deaths >= 4) return;
      deaths += 1;
      // It did everything, and its answer never came.
      await world.ask(asked).catch(() => {});
      throw new RetryableError('killed');
    };
    await world.write(id, 'escalated');
    await world.until('two levels are called', async () => ((await calls(id)).length >= 2 ? true : undefined));
    await world.until('it was killed each time', () => (deaths === 4 ? true : undefined));
    await world.write(id, 'acknowledged', {}, 'ann', 'person:ann');
    expect((await calls(id)).slice(0, 2)).toEqual([2, 3]);
    await world.write(id, 'resolved');
    await ended(id);
  });

  it('an execution that failed is followed by another one, and a person is told', async () => {
    const id = await world.open();
    await waiting(id);
    world.hook = (asked) => {
      if (asked.incidentId === id) throw Object.assign(new Error('broken'), { name: 'BadRequestError' });
    };
    await world.write(id, 'escalated');
    await world.until('it has failed', () => (statusOf(id).includes('FAILED') ? true : undefined));
    world.hook = undefined;
    await world.until('the reconciler takes it up', async () =>
      (await world.reconcile()).includes(id) ? true : undefined,
    );
    await world.until('another one goes on', async () =>
      statusOf(id).includes('RUNNING') && (await calls(id)).length > 0 ? true : undefined,
    );
    // Calls may be made before the other execution has had its first look.
    await world.until('it is the one that follows', async () =>
      (await world.following(id))?.generation === 1 ? true : undefined,
    );
    await world.write(id, 'resolved');
    await world.until('the other one is over', () => (statusOf(id).includes('RUNNING') ? undefined : true));
  });

  it('an older execution ends when a later one follows the incident', async () => {
    const id = await world.open();
    await waiting(id);
    await world.ask({ do: 'look', incidentId: id, generation: 3, round: 0 });
    expect(await world.ask({ do: 'look', incidentId: id, generation: 0, round: 1 })).toEqual({
      next: 'end',
      seconds: 0,
    });
    expect(await world.ask({ do: 'wait', incidentId: id, generation: 0, token: 'outdated' })).toEqual({ waits: false });
    await world.write(id, 'resolved');
    await world.ask({ do: 'look', incidentId: id, generation: 3, round: 1 });
    await ended(id);
  });

  it('a look that outlived its answer does not take the token of the wait that followed', async () => {
    const id = await world.open();
    const { token, round } = await waitingForLong(id);
    // As it comes from the state of the execution whose retry has been answered.
    await world.ask({ do: 'look', incidentId: id, generation: 0, round });
    expect((await world.following(id))?.token).toBe(token);
    await world.write(id, 'resolved');
    await ended(id);
  });

  it('a wait that outlived its retry does not put its dead token in the place of the living one', async () => {
    const id = await world.open();
    const { token, round = 0 } = await waitingForLong(id);
    // The state before: it counts the look that follows it.
    const late = { do: 'wait', incidentId: id, generation: 0, token: 'dead', round, retry: 3 };
    expect(await world.ask(late)).toEqual({ waits: false });
    expect((await world.following(id))?.token).toBe(token);
    await world.write(id, 'resolved');
    await ended(id);
  });

  it('two looks at once call a level once', async () => {
    world.publisher.isOn = false;
    const id = await world.open();
    const since = await world.write(id, 'escalated');
    await world.until('the second level is due', () =>
      world.now() > Date.parse(since.at) + 4.5 * 60_000 ? true : undefined,
    );
    const look = { do: 'look', incidentId: id, generation: 0, round: 0 };
    await Promise.all(Array.from({ length: 12 }, () => world.ask(look).catch(() => {})));
    expect((await calls(id)).filter((level) => level === 2)).toHaveLength(1);
    await world.write(id, 'resolved');
    expect(await world.ask(look)).toEqual({ next: 'end', seconds: 0 });
  });

  it('an execution goes on by its own definition when another one is deployed', async () => {
    const id = await world.open();
    await waiting(id);
    await world.redeploy((definition) =>
      definition
        .replace('"StartAt":"Begin"', '"StartAt":"Over"')
        .replace(/"States":\{.*\}$/s, '"States":{"Over":{"Type":"Succeed"}}}'),
    );
    await world.write(id, 'escalated');
    await world.until('a level is called', async () => ((await calls(id)).length > 0 ? true : undefined));
    await world.write(id, 'resolved');
    await ended(id);
    await world.redeploy((definition) => definition);
  });
});
