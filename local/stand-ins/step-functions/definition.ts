/**
 * Reading and checking a definition ("Amazon States Language", "ValidateStateMachineDefinition"). JSONata is the language here: JSONPath states
 * are refused, and so is what the local world can't run, so that nothing passes here that fails later.
 */
import type { z } from 'zod';
import { AwsFault } from '../../world/types.ts';
import { checkMeaning } from './definition-checks.ts';
import { resourceProblem } from './resources.ts';
import { SCHEMAS } from './schemas.ts';
import type { Definition, MachineType } from './types.ts';

export interface Diagnostic {
  readonly code:
    | 'INVALID_JSON_DESCRIPTION'
    | 'SCHEMA_VALIDATION_FAILED'
    | 'MISSING_TRANSITION_TARGET'
    | 'DUPLICATE_STATE_NAME';
  readonly message: string;
  /** A JSON pointer; absent when the text isn't JSON. */
  readonly location?: string;
}

/** @throws AwsFault InvalidDefinition that names every problem and its place. */
export function parseDefinition(text: string, type: MachineType): Definition {
  const problems = diagnose(text, type);
  if (problems.length === 0) return JSON.parse(text) as Definition;
  const told = problems.map(({ code, message, location }) => `${code}: ${message}${location ? ` at ${location}` : ''}`);
  throw new AwsFault('InvalidDefinition', `Invalid State Machine Definition: '${told.join("', '")}'`);
}

/** All problems of a definition. */
export function diagnose(text: string, type: MachineType): Diagnostic[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return [{ code: 'INVALID_JSON_DESCRIPTION', message: error instanceof Error ? error.message : String(error) }];
  }
  if (!isObject(value))
    return [{ code: 'SCHEMA_VALIDATION_FAILED', message: 'Definition must be a valid JSON object' }];
  const shape = [...machineShape(value), ...blockShape(value, '', value.QueryLanguage, type)];
  // What a definition means can be asked only of one that has the right form.
  return shape.length > 0 ? shape : checkMeaning(value as unknown as Definition);
}

type Part = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Part =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const schemaProblem = (message: string, location: string): Diagnostic => ({
  code: 'SCHEMA_VALIDATION_FAILED',
  message,
  location: location || '/',
});

function machineShape(machine: Part): Diagnostic[] {
  return shapeProblems(SCHEMAS.machine, machine, '');
}

/** StartAt and States of the machine, a branch or an item processor. */
function blockShape(block: Part, location: string, language: unknown, type: MachineType): Diagnostic[] {
  const { States } = block;
  if (!isObject(States)) return [];
  return Object.entries(States).flatMap(([name, state]) =>
    stateShape(state, `${location}/States/${name}`, language, type),
  );
}

function stateShape(state: unknown, location: string, inherited: unknown, type: MachineType): Diagnostic[] {
  if (!isObject(state)) return [schemaProblem('A state must be a JSON object', location)];
  const language = state.QueryLanguage ?? inherited ?? 'JSONPath';
  if (inherited === 'JSONata' && language === 'JSONPath')
    return [
      schemaProblem("'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine", location),
    ];
  if (language !== 'JSONata')
    return [schemaProblem("The local world runs JSONata only: set 'QueryLanguage' to 'JSONata'", location)];
  const schema = SCHEMAS.states[String(state.Type)];
  if (!schema)
    return [schemaProblem(`Value is not a valid state type: ${JSON.stringify(state.Type)}`, `${location}/Type`)];
  const own = shapeProblems(schema, state, location);
  return own.length > 0
    ? own
    : [...resourceShape(state, location, type), ...innerShape(state, location, language, type)];
}

function resourceShape({ Type, Resource }: Part, location: string, type: MachineType): Diagnostic[] {
  if (Type !== 'Task') return [];
  const problem = resourceProblem(String(Resource), type);
  return problem ? [schemaProblem(problem, `${location}/Resource`)] : [];
}

function innerShape(state: Part, location: string, language: unknown, type: MachineType): Diagnostic[] {
  const { Branches, ItemProcessor } = state;
  const branches = Array.isArray(Branches) ? Branches : [];
  return [
    ...branches.flatMap((branch: unknown, index) => inner(branch, `${location}/Branches[${index}]`, language, type)),
    ...(ItemProcessor === undefined ? [] : inner(ItemProcessor, `${location}/ItemProcessor`, language, type)),
  ];
}

function inner(block: unknown, location: string, language: unknown, type: MachineType): Diagnostic[] {
  const shape = shapeProblems(SCHEMAS.block, block, location);
  return shape.length > 0 || !isObject(block) ? shape : blockShape(block, location, language, type);
}

function shapeProblems(schema: z.ZodType, value: unknown, location: string): Diagnostic[] {
  const checked = schema.safeParse(value);
  if (checked.success) return [];
  const missing = checked.error.issues.filter(isMissing(value)).map(({ path }) => String(path.at(-1)));
  const others = checked.error.issues
    .filter((issue) => !isMissing(value)(issue))
    .map((issue) => schemaProblem(issueText(issue), `${location}${pointer(issue.path)}`));
  return missing.length > 0
    ? [schemaProblem(`These fields are required: [${missing.join(', ')}]`, location), ...others]
    : others;
}

const isMissing = (value: unknown) => (issue: z.core.$ZodIssue) =>
  issue.path.length === 1 && isObject(value) && !(String(issue.path[0]) in value) && issue.code === 'invalid_type';

/** Of a union, what each of its forms expected; of a key, what is wrong with it. */
function issueText(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'unrecognized_keys':
      return `Field is not supported: ${issue.keys.join(', ')}`;
    case 'invalid_key':
      return issue.issues.map(issueText).join(', ');
    case 'invalid_union':
      return [...new Set(issue.errors.flat().map(issueText))].join(', or: ');
    default:
      return issue.message;
  }
}

const pointer = (path: readonly PropertyKey[]): string =>
  path.map((step) => (typeof step === 'number' ? `[${step}]` : `/${String(step)}`)).join('');
