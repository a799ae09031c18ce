/** A certificate has twenty days left, and ACM can't renew it for want of its validation record: the record is created, and ACM renews it. */
import { CERTIFICATE, certificateArn } from '../../services/certificate.ts';
import type { World } from '../../world/world.ts';
import {
  firstChange,
  msToResolved,
  startOfScenario,
  untilIncident,
  untilQuiet,
  untilResolved,
} from '../support/incidents.ts';
import { expectThat, type Figures, type Scenario } from '../types.ts';

const { target, domain } = CERTIFICATE;

export const scenario: Scenario<World> = {
  name: 'certificate-expiring',
  groups: ['alerts'],
  rank: 50,
  summary: 'a certificate has twenty days left and ACM lacks its validation record; it is created, and ACM renews',
  targets: [target],
  uses: [target],
  timeLimitMs: 180_000,
  environment: { [CERTIFICATE.switch]: '1' },
  run: async (world, stage): Promise<Figures> => {
    const { acm, route53 } = world;
    const arn = certificateArn(world.context);
    const [wanted] = acm.recordsOf(arn);
    expectThat(wanted !== undefined, `expected ACM to want a record for ${domain}`);
    stage.restore('the certificate', () => acm.expiresIn(arn, 200));
    await untilQuiet(world, stage, target);
    expectThat(route53.cname(wanted.name) === undefined, `expected ${wanted.name} not to be there yet`);
    const serial = acm.serialOf(arn);
    const since = startOfScenario();
    acm.expiresIn(arn, 20);
    await acm.tell(arn);
    stage.step(`ACM tells that ${domain} has 20 days left`);
    const { id } = await untilIncident(world, stage, target, since);
    const change = await stage.until(
      'Nightshift to create the record',
      () => firstChange(world, { service: 'route53', operation: 'ChangeResourceRecordSets', resource: '', since }),
      { withinMs: 30_000 },
    );
    expectThat(route53.cname(wanted.name) === wanted.value, `expected ${wanted.name} to be as ACM wants it`);
    stage.step('the record that ACM wants is there');
    const resolved = await untilResolved(world, stage, id, 120_000);
    expectThat(acm.serialOf(arn) !== serial, 'expected ACM to have renewed the certificate');
    stage.step('ACM has renewed it');
    return {
      incidentId: id,
      toldToFirstChangeMs: Date.parse(change.at) - since,
      toldToResolvedMs: msToResolved(resolved, since),
    };
  },
};
