/** What people do by link: each operation once, over HTTP as a browser does, and an approval for each remediation, which is then told. */
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { type Approval, stateHash } from '../../../functions/engine/approval.ts';
import { putApproval } from '../../../functions/engine/approvals.ts';
import { NEW_TARGET } from '../../../functions/engine/items.ts';
import type { TargetKind } from '../../../functions/engine/manifest.ts';
import type { Store } from '../../../functions/engine/store.ts';
import { entryMaker, putEntry, putTarget } from '../../../functions/engine/writes.ts';
import { LINK_PATH, type Link, parseKeys, signLink } from '../../../functions/incidents/link-token.ts';
import { discover } from '../../../infra/discover.ts';
import { expectThat, type Scenario } from '../../../local/scenarios/types.ts';
import { LINK_KEY_PARAMETER } from '../../../local/services/team-webhook.ts';
import { OPERATOR } from '../../../local/world/clients.ts';
import type { World } from '../../../local/world/world.ts';
import { confirmationIn } from '../../support/links.ts';
import { journalOf, unlisted } from './support.ts';

const PERSON = 'demo-user';
/** Each remediation may write targets of its own kind only. */
const targetOf = (kind: TargetKind, name: string): string =>
  kind === 'ecs-service' ? `${kind}/orders/${name}` : `${kind}/${name}`;

/** An approval that waits in an open incident on a target that nothing else knows. */
async function ask(store: Store, remediation: string, kind: TargetKind, name: string): Promise<Approval> {
  const now = Date.now();
  const target = targetOf(kind, `links-${name}`);
  const incidentId = `inc-${name}`;
  const change = { summary: 'change nothing', before: 1, after: 2, undo: 'nothing to undo' };
  const subject = `arn:aws:cloudwatch:us-east-1:000000000000:alarm:links-${name}`;
  const approval: Approval = {
    approvalId: `apr-${name}`,
    incidentId,
    remediation,
    target,
    change,
    state: stateHash(remediation, target, change),
    risk: 'low',
    people: 1,
    signal: {
      id: `links-${name}`,
      source: 'cloudwatch-alarm',
      subject,
      name: `links-${name}`,
      state: 'firing',
      at: new Date(now).toISOString(),
      target,
      firstEvaluation: false,
      recheck: 0,
      rung: 0,
      evidence: { reason: 'a permission case', datapoints: [] },
    },
    status: 'waiting',
    approvedBy: [],
    askedAt: now,
    validUntil: now + 3_600_000,
    version: 1,
  };
  const opened = entryMaker(incidentId, OPERATOR, now)('opened', `links-${name}`, {
    title: `links-${name}`,
    target,
    severity: 'P3',
  });
  const open = { ...NEW_TARGET, openIncidentId: incidentId, openedAt: now, alarms: { [subject]: 'ALARM' as const } };
  const written = await store.transact([
    putTarget(store.table, target, 0, open),
    unlisted(putEntry(store.table, opened)),
    putApproval(store.table, approval),
  ]);
  expectThat(written.ok, `the approval of ${name} could not be written`);
  return approval;
}

async function signingKey(world: World): Promise<string> {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const ssm = new SSMClient({
    endpoint: world.endpoint,
    region: world.context.region,
    userAgentAppId: OPERATOR,
    credentials,
  });
  try {
    const { Parameter } = await ssm.send(new GetParameterCommand({ Name: LINK_KEY_PARAMETER, WithDecryption: true }));
    return Parameter?.Value ?? '';
  } finally {
    ssm.destroy();
  }
}

/** Opens a link as a browser does and presses its button. */
async function press(world: World, key: string, link: Pick<Link, 'operation' | 'subject' | 'state'>): Promise<void> {
  const expiresAt = Math.floor(Date.now() / 1000) + 600;
  const token = signLink({ ...link, recipient: PERSON, expiresAt, nonce: 'case' }, parseKeys(key), 'demo');
  const url = `${world.deployed.outputs.LinksUrl}${LINK_PATH}/${token}`;
  const shown = await fetch(url);
  const page = await shown.text();
  expectThat(shown.status === 200, `a GET of ${link.operation} answered ${shown.status}`);
  expectThat(
    shown.headers.get('content-security-policy')?.includes("default-src 'none'") === true,
    'the page came without its content security policy',
  );
  const body = new URLSearchParams({ confirm: confirmationIn(page), reason: 'a permission case' });
  const done = await fetch(url, { method: 'POST', body });
  expectThat(done.status === 200, `a POST of ${link.operation} answered ${done.status}: ${await done.text()}`);
}

export const LINK_CASES: readonly Scenario<World>[] = [
  {
    name: 'links',
    summary: 'a person acknowledges, takes over, denies, ends and approves by link, over the public endpoint',
    groups: [],
    rank: 5,
    targets: [],
    uses: ['links'],
    timeLimitMs: 120_000,
    run: async (world) => {
      const store = journalOf(world);
      const key = await signingKey(world);
      const { remediations } = await discover();
      const deployed = remediations.filter(({ manifest }) =>
        JSON.stringify(world.deployed.template).includes(`-${manifest.name}"`),
      );
      const [first] = deployed;
      expectThat(first !== undefined, 'no remediation is deployed');
      const { name, targetKind } = first.manifest;
      const denied = await ask(store, name, targetKind, 'denied');
      for (const operation of ['ack', 'take-over'] as const)
        await press(world, key, { operation, subject: denied.incidentId });
      await press(world, key, { operation: 'deny', subject: denied.approvalId, state: denied.state });
      const ended = await ask(store, name, targetKind, 'ended');
      await press(world, key, { operation: 'resolve', subject: ended.incidentId });
      for (const { manifest } of deployed) {
        const { approvalId, state } = await ask(store, manifest.name, manifest.targetKind, manifest.name);
        await press(world, key, { operation: 'approve', subject: approvalId, state });
      }
      return { approved: deployed.length };
    },
  },
];
