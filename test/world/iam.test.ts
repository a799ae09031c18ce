/** Exact permissions (invariant I10), and that the comparison would see a permission too few or too many in what really ran. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { matchesArn } from '../../local/iam/match.ts';
import type { Role } from '../../local/iam/roles.ts';
import { compare } from '../iam/compare.ts';
import { compareWorlds, fullyPlayed, type Played, playActing, playObserving } from '../iam/worlds.ts';

const abort = new AbortController();
let acting: Played;
let observing: Played;

beforeAll(async () => {
  const around = { tell: () => {}, signal: abort.signal };
  acting = await playActing(around);
  observing = await playObserving(around);
}, 1_200_000);
afterAll(() => abort.abort());

/** Each grant of each role as a statement of its own. */
function split(role: Role): Role {
  const statements = role.statements.flatMap((statement) =>
    statement.actions.flatMap((action) =>
      statement.resources.map((resource) => ({ ...statement, actions: [action], resources: [resource] })),
    ),
  );
  return { ...role, statements };
}

describe('every role of a deployment', () => {
  it('took all of its paths', () => {
    expect([...acting.failures, ...observing.failures]).toEqual([]);
  });

  it('holds what its function asked for, and nothing else [D56]', () => {
    const roles = fullyPlayed(acting, observing).flatMap((played) => played.roles);
    expect(roles.flatMap(({ functions }) => functions)).toEqual(
      expect.arrayContaining([
        'nightshift-demo-verify-backup',
        'nightshift-demo-read-backup',
        'stateMachine:nightshift-demo-jobs',
      ]),
    );
    expect(compareWorlds(acting, observing)).toEqual({ roles: roles.length, missing: [], unused: [] });
  });

  it('would be found short of any permission that is taken away, unless AWS uses it unseen', () => {
    const isSeen = ({ uses }: Played, functions: readonly string[], action: string, resource: string) =>
      uses.some(
        ({ caller, needs = [] }) =>
          functions.includes(caller) &&
          needs.some((need) => need.action === action && matchesArn(resource, need.resource)),
      );
    const overlooked: string[] = [];
    let taken = 0;
    const all = fullyPlayed(acting, observing).flatMap((played) =>
      played.roles.map((role) => ({ played, role: split(role) })),
    );
    for (const { played, role } of all)
      for (const [index, { effect, actions, resources }] of role.statements.entries()) {
        const [action = ''] = actions;
        // The same action on another resource may be AWS's alone, such as what goes to a failure queue.
        if (effect === 'Deny' || !isSeen(played, role.functions, action, resources[0] ?? '')) continue;
        taken += 1;
        const less = { ...role, statements: role.statements.toSpliced(index, 1) };
        const { missing } = compare([less], played.uses, played.deployed);
        if (!missing.some((each) => each.action === action))
          overlooked.push(`${role.functions} ${action} ${resources}`);
      }
    expect(overlooked).toEqual([]);
    expect(taken).toBeGreaterThan(30);
  });

  it('would be found to have one too many', () => {
    for (const role of acting.roles) {
      const extra = { effect: 'Allow' as const, actions: ['ecs:DeleteService'], resources: ['*'], conditions: {} };
      const more = { ...role, statements: [...role.statements, extra] };
      expect(compare([more], acting.uses, acting.deployed).unused).toEqual([
        expect.objectContaining({ action: 'ecs:DeleteService', resource: '*' }),
      ]);
    }
  });
});
