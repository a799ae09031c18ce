/** What a well-formed definition can still get wrong: transitions, names, expressions, variables ("Amazon States Language"). Pure. */
import type { Diagnostic } from './definition.ts';
import { expressionIn, syntaxError } from './expressions.ts';
import type { Block, Definition, Json, State } from './types.ts';

/** All problems, by place. */
export function checkMeaning(definition: Definition): Diagnostic[] {
  const seen = new Set<string>();
  return checkBlock(definition, '', new Set(), seen);
}

function checkBlock(block: Block, location: string, outer: ReadonlySet<string>, seen: Set<string>): Diagnostic[] {
  const assigned = new Set(Object.values(block.States).flatMap(assignedBy));
  const shadowing = [...assigned].filter((name) => outer.has(name));
  const visible = new Set([...outer, ...assigned]);
  return [
    ...startProblem(block, location),
    ...Object.entries(block.States).flatMap(([name, state]) => [
      ...nameProblems(name, `${location}/States/${name}`, seen),
      ...goingProblems(state, `${location}/States/${name}`, block),
      ...expressionProblems(state, `${location}/States/${name}`),
      ...innerBlocks(state, `${location}/States/${name}`).flatMap(({ block: inner, at }) =>
        checkBlock(inner, at, visible, seen),
      ),
    ]),
    ...unreachable(block, location),
    ...shadowing.map((name) =>
      schema(`The variable '${name}' is assigned outside too; an inner scope can't assign it`, `${location}/States`),
    ),
  ];
}

const schema = (message: string, location: string): Diagnostic => ({
  code: 'SCHEMA_VALIDATION_FAILED',
  message,
  location,
});
const transition = (message: string, location: string): Diagnostic => ({
  code: 'MISSING_TRANSITION_TARGET',
  message,
  location,
});

function startProblem({ StartAt, States }: Block, location: string): Diagnostic[] {
  return Object.hasOwn(States, StartAt)
    ? []
    : [transition(`Missing 'StartAt' target: ${StartAt}`, `${location}/StartAt`)];
}

const LONGEST_NAME = 80;

/** Names are unique over the whole machine. */
function nameProblems(name: string, location: string, seen: Set<string>): Diagnostic[] {
  const isKnown = seen.has(name);
  seen.add(name);
  return [
    ...(isKnown ? [{ code: 'DUPLICATE_STATE_NAME', message: `Duplicate State name: ${name}`, location } as const] : []),
    ...(name.length > LONGEST_NAME ? [schema(`State name is longer than ${LONGEST_NAME} characters`, location)] : []),
  ];
}

/** Where a state can go on, each with the field that says so. */
function targets(state: State): { readonly field: string; readonly target: string }[] {
  const to = (field: string, target: string | undefined) => (target === undefined ? [] : [{ field, target }]);
  const catchers = 'Catch' in state ? (state.Catch ?? []) : [];
  return [
    ...('Next' in state ? to('Next', state.Next) : []),
    ...('Default' in state ? to('Default', state.Default) : []),
    ...('Choices' in state ? state.Choices.flatMap(({ Next }, index) => to(`Choices[${index}]/Next`, Next)) : []),
    ...catchers.flatMap(({ Next }, index) => to(`Catch[${index}]/Next`, Next)),
  ];
}

function goingProblems(state: State, location: string, { States }: Block): Diagnostic[] {
  const missing = targets(state)
    .filter(({ target }) => !Object.hasOwn(States, target))
    .map(({ field, target }) =>
      transition(`Missing '${field.split('/').at(-1)}' target: ${target}`, `${location}/${field}`),
    );
  const isFinal = state.Type === 'Succeed' || state.Type === 'Fail' || state.Type === 'Choice';
  if (isFinal) return missing;
  const { Next, End } = state;
  if ((Next === undefined) === (End !== true))
    return [...missing, schema("Exactly one of 'Next' and 'End: true' is required", location)];
  return missing;
}

function unreachable({ StartAt, States }: Block, location: string): Diagnostic[] {
  const reached = new Set<string>();
  const visit = (name: string): void => {
    const state = States[name];
    if (!state || reached.has(name)) return;
    reached.add(name);
    for (const { target } of targets(state)) visit(target);
  };
  visit(StartAt);
  return Object.keys(States)
    .filter((name) => !reached.has(name))
    .map((name) => transition(`State "${name}" is not reachable.`, `${location}/States/${name}`));
}

function innerBlocks(state: State, location: string): { readonly block: Block; readonly at: string }[] {
  if (state.Type === 'Parallel')
    return state.Branches.map((block, index) => ({ block, at: `${location}/Branches[${index}]` }));
  return state.Type === 'Map' ? [{ block: state.ItemProcessor, at: `${location}/ItemProcessor` }] : [];
}

function assignedBy(state: State): string[] {
  const rules = 'Choices' in state ? state.Choices : [];
  const catchers = 'Catch' in state ? (state.Catch ?? []) : [];
  const own = 'Assign' in state ? [state] : [];
  return [...own, ...rules, ...catchers].flatMap(({ Assign = {} }) => Object.keys(Assign));
}

/** Fields in which `{% ... %}` is text. */
const PLAIN = new Set(['Type', 'Comment', 'Resource', 'Next', 'Default', 'Branches', 'ItemProcessor', 'QueryLanguage']);

function expressionProblems(state: State, location: string): Diagnostic[] {
  const templates = Object.entries(state).filter(([field]) => !PLAIN.has(field)) as [string, Json][];
  return templates.flatMap(([field, template]) => syntaxProblems(template, `${location}/${field}`));
}

function syntaxProblems(template: Json, location: string): Diagnostic[] {
  if (typeof template === 'string') {
    const expression = expressionIn(template);
    const problem = expression === undefined ? undefined : syntaxError(expression);
    return problem ? [schema(`Invalid JSONata expression: ${problem}`, location)] : [];
  }
  if (Array.isArray(template))
    return template.flatMap((each: Json, index) => syntaxProblems(each, `${location}[${index}]`));
  if (template === null || typeof template !== 'object') return [];
  return Object.entries(template).flatMap(([key, value]) => syntaxProblems(value, `${location}/${key}`));
}
