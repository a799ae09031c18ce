/** `check-certificates` and `renew-certificate`: a certificate that ends soon is told of by the job, and gets what its renewal lacks. */
import { CreateSecretCommand, DeleteSecretCommand, PutSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { runJob } from '../../../local/scenarios/support/backups.ts';
import { untilQuiet } from '../../../local/scenarios/support/incidents.ts';
import type { Stage } from '../../../local/scenarios/types.ts';
import type { World } from '../../../local/world/world.ts';
import { issueBundle, makeAuthority } from '../../support/certificates.ts';
import { IMPORTED, ISSUED, RENEWAL, SECRET, ZONE } from '../observe.config.ts';
import { jobCase, secretsManager } from './jobs.ts';
import { nextUse } from './support.ts';

const RENEW = 'nightshift-demo-renew-certificate';
const CHECK = 'check-certificates';
/** The remediation's cooldown, and a margin. */
const COOLED_DOWN_MS = 1_000 * (RENEWAL.cooldownSeconds + 1);
const DOMAIN = `www.${ZONE.name}`;

/** The job's run, and what the remediation does because of it. @param supplied has what else the renewal waits for done. */
async function renewed(
  world: World,
  stage: Stage,
  name: string,
  action: string,
  supplied: () => void = () => {},
): Promise<void> {
  const used = nextUse(world, stage, RENEW, action);
  const settled = nextUse(world, stage, RENEW, 'dynamodb:DeleteItem', 120_000);
  void Promise.allSettled([used, settled]); // Awaited below, unless something before it fails.
  await runJob(world, stage, CHECK, name);
  await used;
  supplied();
  await settled;
  await untilQuiet(world, stage, `certificate/${name}`);
}

const certificates = jobCase(
  'certificates',
  'certificates that end soon lack a validation record, the import of their successor, and the answer to a mail',
  ['certificates'],
  async (world, stage) => {
    const { acm, route53 } = world;
    route53.createZone(ZONE.name, [], ZONE.id);
    acm.issue({ id: ISSUED.id, domains: [DOMAIN], daysLeft: 12, method: 'DNS' });
    stage.restore('no certificate', () => acm.remove(ISSUED.arn));
    await renewed(world, stage, ISSUED.name, 'route53:ChangeResourceRecordSets');
    const changedAt = Date.now();
    await imports(world, stage);
    await renewed(world, stage, IMPORTED.name, 'acm:ImportCertificate');
    await stage.until(
      'the certificate to have cooled down',
      () => Date.now() > changedAt + COOLED_DOWN_MS || undefined,
      {
        withinMs: 2 * COOLED_DOWN_MS,
      },
    );
    acm.remove(ISSUED.arn);
    acm.issue({ id: ISSUED.id, domains: [DOMAIN], daysLeft: 12, method: 'EMAIL' });
    await renewed(world, stage, ISSUED.name, 'acm:ResendValidationEmail', () => {
      for (const domain of acm.mailsOf(ISSUED.arn)) acm.follow(ISSUED.arn, domain);
    });
  },
);

/** One that ends soon, and a newer one in its secret. */
async function imports(world: World, stage: Stage): Promise<void> {
  const authority = await makeAuthority();
  const present = await issueBundle(authority, { domains: [DOMAIN], days: 12 });
  const next = await issueBundle(authority, { domains: [DOMAIN], days: 90 });
  const secrets = secretsManager(world, stage);
  await secrets.send(new CreateSecretCommand({ Name: SECRET, SecretString: JSON.stringify(present) }));
  stage.restore('no secret', async () => {
    await secrets.send(new DeleteSecretCommand({ SecretId: SECRET, ForceDeleteWithoutRecovery: true }));
  });
  await secrets.send(new PutSecretValueCommand({ SecretId: SECRET, SecretString: JSON.stringify(next) }));
  world.acm.import(present.certificate, present.privateKey, present.chain, IMPORTED.id);
  stage.restore('no imported certificate', () => world.acm.remove(IMPORTED.arn));
}

export const CERTIFICATE_CASES = [certificates];
