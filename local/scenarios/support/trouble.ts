/**
 * The plot of a play of the group `alerts`: a target is well, gets into trouble by itself, an alarm or event tells of it, and its incident is resolved,
 * or a person is called. A play names what differs. Each has a target of its own, so all can be played at the same time.
 */
import type { IncidentWithTimeline } from '../../../events/journal.ts';
import type { World } from '../../world/world.ts';
import { expectThat, type Figures, type Scenario, type Stage } from '../types.ts';
import { entryOf, startOfScenario, untilEscalated, untilIncident, untilQuiet, untilResolved } from './incidents.ts';

export interface Plot extends Pick<Scenario<World>, 'name' | 'rank' | 'summary' | 'environment'> {
  /** Such as `ecs-service/orders/cart`. */
  readonly target: string;
  /** What else it depends on or changes. */
  readonly uses?: readonly string[];
  /** Waits until the target is as it should be. */
  ready(world: World, stage: Stage): Promise<void>;
  /** Makes the trouble; what it changes is restored by the stage. */
  trouble(world: World, stage: Stage): Promise<void>;
  /** `escalated`: automation can't mend it, and says so to a person with this reason. */
  readonly ends: 'resolved' | { readonly escalated: RegExp };
  /** What must be true afterwards, in the world and not only in the journal. */
  after(world: World, stage: Stage, told: { incident: IncidentWithTimeline; since: number }): Promise<Figures>;
}

/** An alarm needs its periods, and an event of ECS several failures with pauses between; a busy machine needs longer for all of it. */
const TOLD_WITHIN_MS = 120_000;
const ENDED_WITHIN_MS = 240_000;
const LIMIT_MS = 480_000;

export const play = (plot: Plot): Scenario<World> => {
  const { name, rank, summary, environment, target, uses = [], ends } = plot;
  return {
    ...{ name, rank, summary, groups: ['alerts'], targets: [target], uses: [target, ...uses], timeLimitMs: LIMIT_MS },
    ...(environment && { environment }),
    run: async (world, stage) => {
      await plot.ready(world, stage);
      await untilQuiet(world, stage, target);
      const since = startOfScenario();
      await plot.trouble(world, stage);
      const { id } = await untilIncident(world, stage, target, since, TOLD_WITHIN_MS);
      const incident =
        ends === 'resolved'
          ? await untilResolved(world, stage, id, ENDED_WITHIN_MS)
          : await untilEscalated(world, stage, id, ENDED_WITHIN_MS);
      const end = entryOf(incident, ends === 'resolved' ? 'resolved' : 'escalated');
      if (ends !== 'resolved')
        expectThat(
          ends.escalated.test(end.summary),
          `expected ${ends.escalated} of a person, but it was "${end.summary}"`,
        );
      stage.step(`${end.kind}: ${end.summary}`);
      const figures = await plot.after(world, stage, { incident, since });
      return {
        incidentId: id,
        ended: end.kind,
        troubleToIncidentMs: Date.parse(incident.openedAt) - since,
        troubleToEndMs: Date.parse(end.at) - since,
        ...figures,
      };
    },
  };
};

/** Operations that Nightshift asked for since then and that change the target, by the gateway's record. */
export const changesSince = (world: World, resource: string, since: number): string[] =>
  world.gateway
    .calls()
    .filter(
      (call) =>
        call.changing &&
        call.service !== 'dynamodb' &&
        call.caller.startsWith('nightshift-') &&
        call.resource.includes(resource) &&
        Date.parse(call.at) >= since,
    )
    .map(({ operation }) => operation);
