/** `nightshift approvals`, `approve` and `deny`: what waits for a person's word, and giving it. */
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { ApprovalDocument, ApprovalsDocument } from '../../events/published/approvals.ts';
import { type Approval, personKnown } from '../../functions/engine/approval.ts';
import { orderFor, readApproval, vote, waitingApprovals } from '../../functions/engine/approvals.ts';
import { clientDefaults } from '../../functions/engine/clients.ts';
import type { Store } from '../../functions/engine/store.ts';
import { UsageError } from '../../local/world/errors.ts';
import type { Command, CommandContext, Options } from '../command.ts';
import type { ReadDeployment } from '../deployment.ts';
import { table } from '../io.ts';
import { type Place, placeOf } from '../place.ts';
import { clock } from './incidents.ts';

/** What these commands reach a place with; tests hand in their own. */
export interface ApprovalParts {
  readonly open: (place: Place) => Store;
  readonly deployment: ReadDeployment;
  readonly person: (place: Place) => Promise<string>;
  /** Tells a remediation's function to judge again. */
  readonly order: (place: Place, functionName: string, payload: object) => Promise<void>;
}

export const approvalCommands = (parts: ApprovalParts): Command[] => [
  {
    name: 'approvals',
    usage: 'approvals',
    summary: 'Lists the changes that wait for somebody’s approval.',
    run: async (words, options, context) => {
      if (words.length > 0) throw new UsageError(`approvals takes no words, found "${words.join(' ')}"`);
      const place = await context.place();
      await show(await waitingApprovals(parts.open(place)), place, options, context);
    },
  },
  decision(
    parts,
    'approve',
    'Approves a change: it is made as soon as everybody has who must, if nothing differs by then.',
  ),
  decision(parts, 'deny', 'Denies a change: it isn’t made, and the incident is left to people.'),
];

const decision = (parts: ApprovalParts, name: 'approve' | 'deny', summary: string): Command => ({
  name,
  usage: `${name} <approval> [--reason <why>]`,
  summary,
  run: async (words, options, context) => {
    const [id, ...more] = words;
    if (id === undefined || more.length > 0) throw new UsageError('expected one approval: see "nightshift approvals"');
    const place = await context.place();
    const store = parts.open(place);
    const asked = await readApproval(store, id);
    if (!asked) throw new UsageError(`no approval "${id}" there: see "nightshift approvals"`);
    for (const line of detailLines(asked)) context.io.err(line);
    await context.confirm(`${name}: ${asked.change.summary}`);
    const by = await voter(parts, place, asked);
    const voted = await vote(store, id, { decision: name, by, reason: options.reason });
    if (voted.kind === 'repeated')
      context.io.err(
        `${by.replace(/^person:/, '')} had approved it already; one person counts once: ${voted.missing} more to go`,
      );
    if (voted.kind === 'counted') context.io.err(`written down; ${voted.missing} more to go`);
    if (voted.kind === 'complete' || voted.kind === 'denied') await tell(parts, place, voted.approval, context);
    await show([voted.approval], place, options, context);
  },
});

/** As the configuration knows the person; somebody it doesn't know can't be told from another, so can't be one of two. */
async function voter({ person, deployment }: ApprovalParts, place: Place, { people }: Approval): Promise<string> {
  const by = await person(place);
  const known = personKnown((await deployment(place)).config.people, by);
  if (known) return known;
  if (people === 1) return by;
  const name = by.replace(/^person:/, '');
  throw new UsageError(
    `"${name}" is none of the configuration's \`people\`, so can't be told from another of the ${people}: add it to somebody's identities and deploy`,
  );
}

/** The decision stands: where the function can't be invoked with these credentials, the reconciler brings it up. */
async function tell(
  { order, deployment }: ApprovalParts,
  place: Place,
  approval: Approval,
  { io }: CommandContext,
): Promise<void> {
  if (approval.run !== undefined) {
    io.err(`${approval.status}: ${approval.run} looks for it itself, within a minute`);
    return;
  }
  const { name, config } = await deployment(place);
  try {
    await order(place, `nightshift-${name}-${approval.remediation}`, orderFor(approval));
    if (approval.status === 'approved')
      io.err('approved: Nightshift looks again now and makes the change if nothing differs');
  } catch (error) {
    const why = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    io.err(
      `${approval.status}; the function couldn't be told (${why}), so the reconciler does within ${config.reconcileEverySeconds} s`,
    );
  }
}

/** Asynchronously, as an event. @throws the SDK's error. */
export const orderByLambda: ApprovalParts['order'] = async (place, functionName, payload) => {
  const lambda = new LambdaClient({ ...clientDefaults(), ...place.clientSettings });
  try {
    await lambda.send(
      new InvokeCommand({ FunctionName: functionName, InvocationType: 'Event', Payload: JSON.stringify(payload) }),
    );
  } finally {
    lambda.destroy();
  }
};

async function show(
  found: readonly Approval[],
  place: Place,
  { json }: Options,
  { io }: CommandContext,
): Promise<void> {
  if (json) {
    const document: ApprovalsDocument = { version: 1, place: placeOf(place), approvals: found.map(documentOf) };
    io.out(JSON.stringify(document));
    return;
  }
  if (found.length === 0) {
    io.out('nothing waits for an approval');
    return;
  }
  const head = ['approval', 'status', 'approved by', 'valid until', 'risk', 'change', 'target'];
  const rows = found.map((each) => [
    each.approvalId,
    each.status,
    `${each.approvedBy.length} of ${each.people}`,
    clock(new Date(each.validUntil).toISOString()),
    each.risk,
    each.change.summary,
    each.target,
  ]);
  for (const line of table([head, ...rows], (cell, _column, row) => (row === 0 ? io.colours.dim(cell) : cell)))
    io.out(line);
}

/** What somebody needs to know before saying yes or no. */
export const detailLines = ({
  change,
  target,
  incidentId,
  risk,
  people,
  approvedBy,
  costPerHourUsd,
  why,
  validUntil,
}: Approval): string[] =>
  table([
    ['change', change.summary],
    ['target', `${target} (${incidentId})`],
    ['now', JSON.stringify(change.before)],
    ['then', JSON.stringify(change.after)],
    ['risk', risk],
    ...(costPerHourUsd === undefined ? [] : [['cost', `${costPerHourUsd.toFixed(2)} USD an hour`]]),
    ['to undo', change.undo],
    ...(why ? [['why', why]] : []),
    ['approved by', `${approvedBy.join(', ') || 'nobody'} (${approvedBy.length} of ${people})`],
    ['valid until', new Date(validUntil).toISOString()],
  ]);

const documentOf = (each: Approval): ApprovalDocument => ({
  id: each.approvalId,
  incidentId: each.incidentId,
  remediation: each.remediation,
  target: each.target,
  change: each.change.summary,
  before: each.change.before,
  after: each.change.after,
  undo: each.change.undo,
  risk: each.risk,
  people: each.people,
  approvedBy: [...each.approvedBy],
  status: each.status,
  ...(each.costPerHourUsd === undefined ? {} : { costPerHourUsd: each.costPerHourUsd }),
  ...(each.why === undefined ? {} : { why: each.why }),
  askedAt: new Date(each.askedAt).toISOString(),
  validUntil: new Date(each.validUntil).toISOString(),
});
