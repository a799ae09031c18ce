/** Event source mappings as they are made and kept (Lambda API reference, CreateEventSourceMapping). */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { parseArn } from '../../gateway/services.ts';
import { AwsFault } from '../../world/types.ts';
import { InvalidEventPattern } from '../eventbridge/matchers.ts';
import { type CompiledPattern, compilePattern } from '../eventbridge/pattern.ts';

const INPUT = z.object({
  FunctionName: z.string(),
  EventSourceArn: z.string(),
  Enabled: z.boolean().default(true),
  StartingPosition: z.enum(['TRIM_HORIZON', 'LATEST']).optional(),
  BatchSize: z.int().min(1).max(10_000).optional(),
  MaximumBatchingWindowInSeconds: z.int().min(0).max(300).default(0),
  FilterCriteria: z.object({ Filters: z.array(z.object({ Pattern: z.string() })).optional() }).optional(),
  FunctionResponseTypes: z.array(z.literal('ReportBatchItemFailures')).default([]),
  BisectBatchOnFunctionError: z.boolean().default(false),
  /** -1: until the records expire. */
  MaximumRetryAttempts: z.int().min(-1).max(10_000).default(-1),
  MaximumRecordAgeInSeconds: z.int().min(-1).max(604_800).default(-1),
  ParallelizationFactor: z.int().min(1).max(10).default(1),
  DestinationConfig: z.object({ OnFailure: z.object({ Destination: z.string().optional() }).optional() }).optional(),
  ScalingConfig: z.object({ MaximumConcurrency: z.int().optional() }).optional(),
});

export type MappingInput = z.output<typeof INPUT>;

export interface Mapping {
  readonly uuid: string;
  readonly region: string;
  readonly functionArn: string;
  readonly kind: 'stream' | 'queue';
  readonly batchSize: number;
  readonly input: MappingInput;
  readonly modifiedAt: Date;
  /** Whether a record (as the function would see it) passes the filter criteria. */
  readonly wants: CompiledPattern;
}

/**
 * @param previous the mapping that is updated, whose id and unnamed settings stay.
 * @throws AwsFault InvalidParameterValueException naming what is wrong.
 */
export function toMapping(
  params: Readonly<Record<string, unknown>>,
  where: { region: string; account: string },
  previous?: Mapping,
): Mapping {
  const checked = INPUT.safeParse({ ...previous?.input, ...params });
  if (!checked.success) throw new AwsFault('InvalidParameterValueException', z.prettifyError(checked.error));
  const input = checked.data;
  const kind = kindOf(input.EventSourceArn);
  if (kind === 'stream' && !input.StartingPosition)
    throw new AwsFault(
      'InvalidParameterValueException',
      "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null.",
    );
  const name = input.FunctionName.startsWith('arn:')
    ? input.FunctionName.split(':').slice(6).join(':')
    : input.FunctionName;
  return {
    uuid: previous?.uuid ?? randomUUID(),
    region: where.region,
    functionArn: `arn:aws:lambda:${where.region}:${where.account}:function:${name}`,
    kind,
    batchSize: input.BatchSize ?? (kind === 'stream' ? 100 : 10),
    input,
    modifiedAt: new Date(),
    wants: compiled(input),
  };
}

function kindOf(sourceArn: string): Mapping['kind'] {
  const { service, resource } = parseArn(sourceArn);
  if (service === 'sqs') return 'queue';
  if (service === 'dynamodb' && resource.includes('/stream/')) return 'stream';
  throw new AwsFault(
    'InvalidParameterValueException',
    `Unrecognized event source: ${sourceArn}. The local world knows DynamoDB streams and SQS queues.`,
  );
}

function compiled({ FilterCriteria }: MappingInput): CompiledPattern {
  const filters = FilterCriteria?.Filters ?? [];
  if (filters.length === 0) return () => true;
  try {
    const patterns = filters.map(({ Pattern }) => compilePattern(Pattern));
    return (record) => patterns.some((pattern) => pattern(record));
  } catch (error) {
    if (!(error instanceof InvalidEventPattern)) throw error;
    throw new AwsFault('InvalidParameterValueException', `Invalid filter pattern definition. ${error.message}`);
  }
}

/** The API's view of a mapping. */
export function describeMapping(
  mapping: Mapping,
  state: 'Enabled' | 'Disabled' | 'Deleting',
  lastResult: string,
): Record<string, unknown> {
  const { FunctionName: _, Enabled: __, ...settings } = mapping.input;
  return {
    ...settings,
    UUID: mapping.uuid,
    FunctionArn: mapping.functionArn,
    BatchSize: mapping.batchSize,
    LastModified: mapping.modifiedAt.getTime() / 1_000,
    LastProcessingResult: lastResult,
    State: state,
    StateTransitionReason: 'User action',
  };
}
