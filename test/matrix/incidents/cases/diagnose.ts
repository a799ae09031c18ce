/** What looks at a target before people are called: it is written down once what was seen, whatever couldn't be read. */
import { ListTasksCommand, RegisterTaskDefinitionCommand, StopTaskCommand } from '@aws-sdk/client-ecs';
import { config } from '../../../support/fixtures.ts';
import { EcsServices } from '../../ecs-services.ts';
import type { Place } from '../../place.ts';
import { asynchronously } from '../delivering.ts';
import { counted, entriesOf, tell } from '../story.ts';
import type { IncidentPoint, Site, UnitCase } from '../types.ts';

export const unitCase: UnitCase = {
  unit: 'diagnose',
  deliveries: { service: prepare },
};

/** Whoever is called next has it looked at again. */
const PAGES = 2;
const { cluster, service } = config.services.backend ?? { cluster: '', service: '' };

/** One service for all points: it is only read. One of its tasks has stopped, without which there is nothing to describe. */
const services = new WeakMap<Place, Promise<void>>();

async function openService(place: Place): Promise<void> {
  const made = await EcsServices.open(place, cluster);
  await made.ecs.send(
    new RegisterTaskDefinitionCommand({
      family: 'diagnosed',
      containerDefinitions: [{ name: service, image: 'diagnosed:1' }],
    }),
  );
  await made.create(service, 'diagnosed', 1);
  const { taskArns = [] } = await made.ecs.send(new ListTasksCommand({ cluster, serviceName: service }));
  await made.ecs.send(new StopTaskCommand({ cluster, task: taskArns[0], reason: 'to be looked at' }));
  await made.settled(service);
}

async function prepare(site: Site, incidentId: string) {
  const { place } = site;
  const known = services.get(place) ?? openService(place);
  services.set(place, known);
  await known;
  await tell(site, incidentId, 1, [[0, 'escalated']], `ecs-service/${cluster}/${service}`);
  return {
    deliver: (copies: number) => asynchronously(site, { incidentId }, copies, { runs: PAGES }),
    check: async ({ mode }: Pick<IncidentPoint, 'mode'>) => {
      const diagnosed = await entriesOf(site, incidentId, 'diagnosed');
      const isEmpty = ({ data }: (typeof diagnosed)[number]) =>
        [data.findings, data.seen, data.unread].every((told) => (told as readonly unknown[]).length === 0);
      return [
        // Two that are asked at once both look; each tells what it saw.
        ...counted('I4: diagnoses', diagnosed.length, 1, mode === 'concurrent' ? 2 : 1),
        ...counted('I1: diagnoses that say nothing', diagnosed.filter(isEmpty).length, 0),
        ...counted('I3: people called by it', site.effects.messages(incidentId).length, 0),
      ];
    },
  };
}
