/** Scratch instances through the API: looking at them and removing them. Making one is the business of the job that restores. */
import {
  type DBInstance,
  DBInstanceNotFoundFault,
  DeleteDBInstanceCommand,
  DescribeDBInstancesCommand,
  RDSClient,
} from '@aws-sdk/client-rds';
import { describeInstance } from '../databases/describe.ts';
import { changingClientDefaults, clientDefaults } from '../engine/clients.ts';
import { ActionFailedError, classifyAwsError } from '../engine/errors.ts';
import type { CleanUp } from './job.ts';
import { type Scratch, scratchPrefix } from './scratch-id.ts';

const reading = new RDSClient(clientDefaults());
const changing = new RDSClient(changingClientDefaults());

/** RDS removes an instance within minutes; asked about again after so long. */
const REMOVING_POLL_SECONDS = 30;
/** Of 100 instances each. */
const PAGES = 50;

/** @throws PermissionError, RetryableError or ActionFailedError. */
export async function readScratch(id: string): Promise<Scratch | undefined> {
  const found = await describeInstance(id);
  return found && asScratch(found);
}

/** Every instance in the account and region that is named like a scratch instance of this deployment, whoever made it. */
export async function listScratch(deployment: string): Promise<readonly Scratch[]> {
  const found: Scratch[] = [];
  let marker: string | undefined;
  try {
    for (let pages = 0; pages < PAGES; pages++) {
      const reply = await reading.send(new DescribeDBInstancesCommand(marker ? { Marker: marker } : {}));
      found.push(...(reply.DBInstances ?? []).map(asScratch));
      if (!reply.Marker) return found.filter(({ id }) => id.startsWith(scratchPrefix(deployment)));
      marker = reply.Marker;
    }
  } catch (error) {
    throw classifyAwsError('list the DB instances', error);
  }
  throw new ActionFailedError(`list the DB instances: more than ${PAGES} pages of them`);
}

const asScratch = (found: DBInstance): Scratch => {
  const { Address: host, Port: port } = found.Endpoint ?? {};
  return {
    id: found.DBInstanceIdentifier ?? '',
    status: found.DBInstanceStatus ?? 'unknown',
    endpoint: host !== undefined && port !== undefined ? { host, port } : undefined,
    tags: Object.fromEntries((found.TagList ?? []).map(({ Key = '', Value = '' }) => [Key, Value])),
  };
};

/** An instance in one of these can't be removed yet ("DeleteDBInstance", Amazon RDS API Reference: InvalidDBInstanceState). */
const NOT_YET = new Set(['InvalidDBInstanceStateFault']);

/**
 * Asks for its removal, without a last snapshot: it is a copy of one. The caller has made sure whose it is.
 * @returns `clean` once it is gone. @throws PermissionError, RetryableError or ActionFailedError.
 */
export async function removeScratch(scratch: Scratch | undefined): Promise<CleanUp> {
  if (!scratch) return { kind: 'clean' };
  const wait = (note: string): CleanUp => ({ kind: 'wait', seconds: REMOVING_POLL_SECONDS, note });
  if (scratch.status === 'deleting') return wait(`${scratch.id} is being removed`);
  try {
    await changing.send(
      new DeleteDBInstanceCommand({
        DBInstanceIdentifier: scratch.id,
        SkipFinalSnapshot: true,
        DeleteAutomatedBackups: true,
      }),
    );
    return wait(`the removal of ${scratch.id} was asked for`);
  } catch (error) {
    if (error instanceof DBInstanceNotFoundFault) return { kind: 'clean' };
    if (error instanceof Error && NOT_YET.has(error.name))
      return wait(`${scratch.id} is ${scratch.status} and can't be removed yet`);
    throw classifyAwsError(`remove the scratch instance ${scratch.id}`, error);
  }
}
