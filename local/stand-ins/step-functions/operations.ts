/** The API (AWS Step Functions API reference, 2016-11-23): what each operation takes and answers. */
import { z } from 'zod';
import { AwsFault } from '../../world/types.ts';
import { diagnose } from './definition.ts';
import { describeExecution, type ExecutionRecord, summariseExecution } from './execution-record.ts';
import type { Executions } from './executions.ts';
import { describeEvent } from './history.ts';
import { describeMachine, type Machine, makeMachine, TAGS, type Tags, updateMachine, validated } from './machines.ts';
import { page } from './paging.ts';
import type { TaskTokens } from './tokens.ts';
import type { MachineType } from './types.ts';

type Params = Readonly<Record<string, unknown>>;
interface Asked {
  readonly params: Params;
  readonly region: string;
}

const seconds = (date: Date): number => date.getTime() / 1_000;
const OPTIONAL_TEXT = z.object({ error: z.string().max(256).optional(), cause: z.string().max(32_768).optional() });

export class Operations {
  readonly #machines = new Map<string, Machine>();
  readonly #tags = new Map<string, Tags>();
  /** Machines that end with their last execution. */
  readonly #deleting = new Set<string>();
  readonly #executions: Executions;
  readonly #tokens: TaskTokens;
  readonly #account: string;

  constructor(executions: Executions, tokens: TaskTokens, account: string) {
    this.#executions = executions;
    this.#tokens = tokens;
    this.#account = account;
  }

  /** @throws AwsFault for what AWS refuses, and for operations that aren't known here. */
  async answer(operation: string, asked: Asked): Promise<object> {
    const known = this.#known[operation];
    if (known) return known(asked);
    throw new AwsFault('UnknownOperationException', `the local Step Functions doesn't know ${operation}`);
  }

  /** @throws AwsFault as StartExecution. */
  start(machineArn: unknown, input: string, name: string | undefined): ExecutionRecord {
    const machine = this.#machine(machineArn);
    if (this.#deleting.has(machine.arn))
      throw new AwsFault('StateMachineDeleting', `State Machine Deleting: '${machine.arn}'`);
    return this.#executions.start(machine, input, name);
  }

  readonly #known: Readonly<Record<string, (asked: Asked) => object | Promise<object>>> = {
    CreateStateMachine: (asked) => this.#create(asked),
    UpdateStateMachine: ({ params }) => this.#update(params),
    DescribeStateMachine: ({ params }) => this.#describe(params.stateMachineArn),
    DeleteStateMachine: ({ params }) => this.#delete(String(params.stateMachineArn)),
    ListStateMachines: (asked) => this.#list(asked),
    ValidateStateMachineDefinition: ({ params }) => validate(params),
    StartExecution: ({ params }) => this.#startExecution(params),
    StartSyncExecution: ({ params }) => this.#startSync(params),
    DescribeExecution: ({ params }) => describeExecution(this.#standard(params.executionArn)),
    DescribeStateMachineForExecution: ({ params }) => this.#describeForExecution(params),
    ListExecutions: ({ params }) => this.#listExecutions(params),
    GetExecutionHistory: ({ params }) => this.#history(params),
    StopExecution: ({ params }) => this.#stop(params),
    RedriveExecution: ({ params }) => this.#redrive(params),
    SendTaskSuccess: ({ params }) => this.#tell(() => this.#tokens.succeed(params.taskToken, params.output)),
    SendTaskFailure: ({ params }) => this.#tell(() => this.#tokens.fail(params.taskToken, params.error, params.cause)),
    SendTaskHeartbeat: ({ params }) => this.#tell(() => this.#tokens.heartbeat(params.taskToken)),
    TagResource: ({ params }) => this.#tag(params),
    UntagResource: ({ params }) => this.#untag(params),
    ListTagsForResource: ({ params }) => ({ tags: this.#tagsOf(params.resourceArn) }),
  };

  /** The same machine again is no error, whatever its tags and role. */
  #create({ params, region }: Asked): object {
    const { tags, ...machine } = makeMachine(params, { region, account: this.#account });
    const known = this.#machines.get(machine.arn);
    if (known && !this.#deleting.has(known.arn)) {
      if (known.definitionText === machine.definitionText && known.type === machine.type) return created(known);
      throw new AwsFault('StateMachineAlreadyExists', `State Machine Already Exists: '${known.arn}'`);
    }
    this.#deleting.delete(machine.arn);
    this.#machines.set(machine.arn, machine);
    this.#tags.set(machine.arn, tags);
    return created(machine);
  }

  #update(params: Params): object {
    const machine = updateMachine(this.#machine(params.stateMachineArn), params);
    this.#machines.set(machine.arn, machine);
    return { updateDate: seconds(machine.updatedAt), revisionId: machine.revisionId };
  }

  #describe(arn: unknown): object {
    const machine = this.#machine(arn);
    return describeMachine(machine, this.#deleting.has(machine.arn));
  }

  /** Executions that run go on to their end; one that isn't there is deleted already. */
  #delete(arn: string): object {
    if (!this.#machines.has(arn)) return {};
    this.#deleting.add(arn);
    const running = this.#executions.all().filter(({ machine, status }) => machine.arn === arn && status === 'RUNNING');
    void Promise.all(running.map(({ ended }) => ended)).then(() => {
      // Made again under the same name meanwhile: that one stays.
      if (!this.#deleting.delete(arn)) return;
      this.#machines.delete(arn);
      this.#tags.delete(arn);
    });
    return {};
  }

  #list({ params, region }: Asked): object {
    const machines = [...this.#machines.values()].filter((machine) => machine.region === region);
    const { items, next } = page(machines, params);
    const stateMachines = items.map((machine) => ({
      stateMachineArn: machine.arn,
      name: machine.name,
      type: machine.type,
      creationDate: seconds(machine.createdAt),
    }));
    return { stateMachines, ...next };
  }

  #startExecution({ stateMachineArn, input = '{}', name }: Params): object {
    const record = this.start(stateMachineArn, String(input), name === undefined ? undefined : String(name));
    return { executionArn: record.arn, startDate: seconds(record.startedAt) };
  }

  async #startSync({ stateMachineArn, input = '{}', name }: Params): Promise<object> {
    const machine = this.#machine(stateMachineArn);
    this.#require(machine.type, 'EXPRESS');
    const record = this.start(machine.arn, String(input), name === undefined ? undefined : String(name));
    await record.ended;
    const { redriveCount: _, redriveStatus: __, redriveStatusReason: ___, ...described } = describeExecution(record);
    const milliseconds = (record.stoppedAt ?? new Date()).getTime() - record.startedAt.getTime();
    return {
      ...described,
      billingDetails: { billedDurationInMilliseconds: Math.ceil(milliseconds / 100) * 100, billedMemoryUsedInMB: 64 },
    };
  }

  #describeForExecution({ executionArn }: Params): object {
    const { machine } = this.#standard(executionArn);
    const { creationDate: _, status: __, type: ___, ...described } = describeMachine(machine, false);
    return { ...described, updateDate: seconds(machine.updatedAt) };
  }

  #listExecutions(params: Params): object {
    const machine = this.#machine(params.stateMachineArn);
    this.#require(machine.type, 'STANDARD');
    const { statusFilter } = params;
    const chosen = this.#executions
      .all()
      .filter(({ machine: { arn }, status }) => arn === machine.arn && (!statusFilter || status === statusFilter))
      .toReversed();
    const { items, next } = page(chosen, params);
    return { executions: items.map(summariseExecution), ...next };
  }

  #history(params: Params): object {
    const { events } = this.#standard(params.executionArn).history;
    const ordered = params.reverseOrder === true ? events.toReversed() : events;
    const { items, next } = page(ordered, params);
    return { events: items.map((event) => describeEvent(event, params.includeExecutionData !== false)), ...next };
  }

  #stop(params: Params): object {
    const { error, cause } = validated(OPTIONAL_TEXT, params);
    const record = this.#standard(params.executionArn);
    this.#executions.stop(record, error, cause);
    return { stopDate: seconds(record.stoppedAt ?? new Date()) };
  }

  #redrive({ executionArn }: Params): object {
    const record = this.#executions.find(executionArn);
    this.#executions.redrive(record);
    return { redriveDate: seconds(record.redrivenAt ?? new Date()) };
  }

  #tell(work: () => void): object {
    work();
    return {};
  }

  #tag({ resourceArn, tags }: Params): object {
    const added = validated(TAGS, tags);
    const kept = this.#tagsOf(resourceArn).filter(({ key }) => !added.some((tag) => tag.key === key));
    this.#tags.set(String(resourceArn), [...kept, ...added]);
    return {};
  }

  #untag({ resourceArn, tagKeys }: Params): object {
    const removed = validated(z.array(z.string()), tagKeys);
    const kept = this.#tagsOf(resourceArn).filter(({ key }) => !removed.includes(key));
    this.#tags.set(String(resourceArn), kept);
    return {};
  }

  #tagsOf(arn: unknown): Tags {
    const found = this.#tags.get(String(arn));
    if (found) return found;
    throw new AwsFault('ResourceNotFound', `Resource not found: '${String(arn)}'`);
  }

  #machine(arn: unknown): Machine {
    const found = this.#machines.get(String(arn));
    if (found) return found;
    throw new AwsFault('StateMachineDoesNotExist', `State Machine Does Not Exist: '${String(arn)}'`);
  }

  /** Express executions are told by their logs only. */
  #standard(arn: unknown): ExecutionRecord {
    const record = this.#executions.find(arn);
    this.#require(record.machine.type, 'STANDARD');
    return record;
  }

  #require(type: MachineType, needed: MachineType): void {
    if (type !== needed)
      throw new AwsFault(
        'StateMachineTypeNotSupported',
        'This operation is not supported by this type of state machine',
      );
  }
}

const created = ({ arn, createdAt }: Machine) => ({ stateMachineArn: arn, creationDate: seconds(createdAt) });

const VALIDATE = z.object({ definition: z.string(), type: z.enum(['STANDARD', 'EXPRESS']).default('STANDARD') });

function validate(params: Params): object {
  const { definition, type } = validated(VALIDATE, params);
  const diagnostics = diagnose(definition, type).map((each) => ({ severity: 'ERROR', ...each }));
  return { result: diagnostics.length === 0 ? 'OK' : 'FAIL', diagnostics, truncated: false };
}
