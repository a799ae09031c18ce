/** RDS's operations on exports of DB snapshots to S3 (Amazon RDS API Reference, 2014-10-31). Clusters and parts of a database are left out. */
import { AwsFault } from '../../world/types.ts';
import { describeExport, type ExportTask, isUnderWay } from './exports.ts';
import { keyOf, type RdsState } from './model.ts';
import { type Operation, required } from './operations.ts';
import { snapshotOfArn } from './snapshots.ts';
import { list } from './xml.ts';

/** "Creating snapshot export tasks": so many at once in an account. */
const MOST_AT_ONCE = 5;

const tasksIn = (state: RdsState, region: string): ExportTask[] =>
  [...state.exports.values()].filter((task) => task.region === region);

const startExportTask: Operation = async ({ state, lifecycle, region, form }) => {
  const id = required(form, 'ExportTaskIdentifier');
  // What RDS says of another name, and its 60 characters, which no page names.
  if (!/^[A-Za-z](?:-?[A-Za-z0-9])*$/.test(id) || id.length > 60)
    throw new AwsFault(
      'InvalidParameterValue',
      'The parameter ExportTaskIdentifier is not a valid identifier. Identifiers must begin with a letter; must contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens.',
    );
  if (form.text('ExportOnly.member.1'))
    throw new AwsFault('InvalidParameterValue', 'ExportOnly: the local world exports everything');
  if (state.exports.has(keyOf(region, id)))
    throw new AwsFault('ExportTaskAlreadyExists', `The export task with the ID ${id} already exists.`);
  const snapshot = snapshotOfArn(state, region, required(form, 'SourceArn'));
  const tasks = tasksIn(state, region).filter(isUnderWay);
  if (snapshot.status !== 'available' || tasks.some(({ sourceArn }) => sourceArn === snapshot.arn))
    throw new AwsFault(
      'InvalidExportSourceState',
      `The snapshot ${snapshot.id} can't be exported in its present state.`,
    );
  if (tasks.length >= MOST_AT_ONCE)
    throw new AwsFault(
      'ExportTaskLimitReachedFault',
      `You have reached the limit of ${MOST_AT_ONCE} concurrent export tasks.`,
    );
  const task: ExportTask = {
    ...{ id, region, sourceArn: snapshot.arn, snapshotTime: snapshot.createdAt },
    ...{ bucket: required(form, 'S3BucketName'), prefix: form.text('S3Prefix') ?? '' },
    ...{ roleArn: required(form, 'IamRoleArn'), kmsKeyId: required(form, 'KmsKeyId') },
    ...{ status: 'STARTING', percentProgress: 0, startedAt: undefined, endedAt: undefined, failure: undefined },
  };
  // In the same moment as it is looked for: two that ask at once must not both be told yes.
  state.exports.set(keyOf(region, id), task);
  if (!(await lifecycle.hasBucket(task))) {
    state.exports.delete(keyOf(region, id));
    throw new AwsFault('InvalidS3BucketFault', `The S3 bucket ${task.bucket} isn't valid.`);
  }
  lifecycle.export(snapshot, task);
  return describeExport(task);
};

const describeExportTasks: Operation = ({ state, region, form }) => {
  const [id, source] = [form.text('ExportTaskIdentifier'), form.text('SourceArn')];
  const found = tasksIn(state, region).filter(
    (task) => (!id || task.id === id) && (!source || task.sourceArn === source),
  );
  if (id && found.length === 0) throw new AwsFault('ExportTaskNotFound', `The export task ${id} doesn't exist.`, 404);
  return { ExportTasks: list('ExportTask', found.map(describeExport)) };
};

const cancelExportTask: Operation = ({ state, region, form }) => {
  const id = required(form, 'ExportTaskIdentifier');
  const task = state.exports.get(keyOf(region, id));
  if (!task) throw new AwsFault('ExportTaskNotFound', `The export task ${id} doesn't exist.`, 404);
  if (!isUnderWay(task)) throw new AwsFault('InvalidExportTaskStateFault', `The export task ${id} is ${task.status}.`);
  task.status = 'CANCELING';
  return describeExport(task);
};

export const exportOperations: Readonly<Record<string, Operation>> = {
  StartExportTask: startExportTask,
  DescribeExportTasks: describeExportTasks,
  CancelExportTask: cancelExportTask,
};
