/** State machines as they are kept (API reference, "CreateStateMachine", "UpdateStateMachine", "DescribeStateMachine"). */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { AwsFault } from '../../world/types.ts';
import { parseDefinition } from './definition.ts';
import { NAME } from './execution-record.ts';
import type { Definition, MachineType } from './types.ts';

export interface Machine {
  readonly arn: string;
  readonly name: string;
  readonly region: string;
  readonly type: MachineType;
  readonly roleArn: string;
  readonly definitionText: string;
  readonly definition: Definition;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly revisionId: string;
  /** Kept and told, not carried out. */
  readonly loggingConfiguration: unknown;
  readonly tracingConfiguration: unknown;
}

const TAG = z.object({ key: z.string().min(1).max(128), value: z.string().max(256) });
export const TAGS = z.array(TAG);

const ARN = z.string().regex(/^arn:/, 'Expected an ARN');
const CREATE = z.object({
  name: z.string(),
  definition: z.string(),
  roleArn: ARN,
  type: z.enum(['STANDARD', 'EXPRESS']).default('STANDARD'),
  loggingConfiguration: z.unknown().optional(),
  tracingConfiguration: z.unknown().optional(),
  tags: TAGS.default([]),
  publish: z.literal(false, 'Versions are not known to the local world').optional(),
});
const UPDATE = CREATE.partial().omit({ name: true, type: true, tags: true });

/** @throws AwsFault ValidationException naming every parameter that is wrong. */
export function validated<T>(schema: z.ZodType<T>, params: unknown): T {
  const checked = schema.safeParse(params);
  if (checked.success) return checked.data;
  throw new AwsFault('ValidationException', z.prettifyError(checked.error));
}

type Params = Readonly<Record<string, unknown>>;

/** @throws AwsFault InvalidName, InvalidDefinition, ValidationException. */
export function makeMachine(params: Params, where: { region: string; account: string }): Machine & { tags: Tags } {
  const asked = validated(CREATE, params);
  if (!NAME.test(asked.name)) throw new AwsFault('InvalidName', `Invalid Name: '${asked.name}'`);
  const now = new Date();
  return {
    arn: `arn:aws:states:${where.region}:${where.account}:stateMachine:${asked.name}`,
    name: asked.name,
    region: where.region,
    type: asked.type,
    roleArn: asked.roleArn,
    definitionText: asked.definition,
    definition: parseDefinition(asked.definition, asked.type),
    createdAt: now,
    updatedAt: now,
    revisionId: randomUUID(),
    loggingConfiguration: asked.loggingConfiguration,
    tracingConfiguration: asked.tracingConfiguration,
    tags: asked.tags,
  };
}

export type Tags = z.output<typeof TAGS>;

/** @throws AwsFault InvalidDefinition, MissingRequiredParameter, ValidationException. */
export function updateMachine(machine: Machine, params: Params): Machine {
  const asked = validated(UPDATE, params);
  if (asked.definition === undefined && asked.roleArn === undefined && asked.loggingConfiguration === undefined)
    throw new AwsFault(
      'MissingRequiredParameter',
      'Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified',
    );
  const { definition: definitionText = machine.definitionText } = asked;
  return {
    ...machine,
    definitionText,
    definition: parseDefinition(definitionText, machine.type),
    roleArn: asked.roleArn ?? machine.roleArn,
    loggingConfiguration: asked.loggingConfiguration ?? machine.loggingConfiguration,
    tracingConfiguration: asked.tracingConfiguration ?? machine.tracingConfiguration,
    updatedAt: new Date(),
    revisionId: randomUUID(),
  };
}

/** DescribeStateMachine's answer. */
export const describeMachine = (machine: Machine, isDeleting: boolean) => ({
  stateMachineArn: machine.arn,
  name: machine.name,
  status: isDeleting ? 'DELETING' : 'ACTIVE',
  definition: machine.definitionText,
  roleArn: machine.roleArn,
  type: machine.type,
  creationDate: machine.createdAt.getTime() / 1_000,
  loggingConfiguration: machine.loggingConfiguration ?? { level: 'OFF', includeExecutionData: false },
  tracingConfiguration: machine.tracingConfiguration ?? { enabled: false },
  revisionId: machine.revisionId,
});
