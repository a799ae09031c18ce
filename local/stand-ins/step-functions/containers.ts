/** Parallel and Map: several strands at once ("Parallel workflow state", "Using Map state in Inline mode"). */
import { Aborted, StatesError } from './errors.ts';
import { type Execution, type Frame, fill, fillNumber, record, type Strand } from './frame.ts';
import type { Block, Json, JsonObject, MapState, ParallelState } from './types.ts';

/** Inline Maps run at most this many iterations at once, whatever MaxConcurrency says. */
const MOST_ITERATIONS = 40;

/** `runBlock` of interpreter.ts, given so that the files don't need each other. */
export type RunBlock = (block: Block, strand: Strand, input: Json, execution: Execution) => Promise<Json>;

/** @returns the branches' outputs in their order. @throws StatesError of the first branch that failed, known as States.BranchFailed too. */
export async function runParallel(frame: Frame<ParallelState>, runBlock: RunBlock): Promise<Json> {
  const { state, execution } = frame;
  const input = state.Arguments === undefined ? frame.input : await fill(frame, state.Arguments, 'Arguments');
  beginStrands(frame);
  const started = record(frame, 'ParallelStateStarted');
  const run = (index: number, signal: AbortSignal) => {
    const strand = childOf(frame, index, started, signal);
    return {
      strand,
      work: () => doneOr(strand, execution, () => runBlock(at(state.Branches, index), strand, input, execution)),
    };
  };
  try {
    const outputs = await together(frame, state.Branches.length, state.Branches.length, run);
    record(frame, 'ParallelStateSucceeded');
    return outputs;
  } catch (error) {
    if (!(error instanceof StatesError)) throw error;
    record(frame, 'ParallelStateFailed');
    throw error.alsoKnownAs('States.BranchFailed');
  }
}

/** @returns the iterations' outputs in the order of the items. @throws StatesError of the first iteration that failed. */
export async function runMap(frame: Frame<MapState>, runBlock: RunBlock): Promise<Json> {
  const { state, execution, name } = frame;
  const items = await itemsOf(frame);
  const limit = await concurrencyOf(frame);
  beginStrands(frame);
  const checkpoint = execution.checkpoints.get(frame.strand.path);
  if (checkpoint) checkpoint.items = items;
  const started = record(frame, 'MapStateStarted', ['mapStateStarted', { length: items.length }]);
  const run = (index: number, signal: AbortSignal) => {
    const item = { Index: index, Value: at(items, index) };
    const strand = childOf(frame, index, started, signal, item);
    const iteration: Frame = { ...frame, strand };
    const tell = (how: string) => record(iteration, `MapIteration${how}`, [`mapIteration${how}`, { name, index }]);
    const input = async () =>
      state.ItemSelector === undefined ? item.Value : fill(iteration, state.ItemSelector, 'ItemSelector', {}, item);
    return {
      strand,
      work: () =>
        doneOr(strand, execution, async () => {
          tell('Started');
          return told(tell, async () => runBlock(state.ItemProcessor, strand, await input(), execution));
        }),
    };
  };
  try {
    const outputs = await together(frame, items.length, limit, run);
    record(frame, 'MapStateSucceeded');
    return outputs;
  } catch (error) {
    if (error instanceof StatesError) record(frame, 'MapStateFailed');
    throw error;
  }
}

/** A redrive takes the items it had; they may come from what no longer is. */
async function itemsOf(frame: Frame<MapState>): Promise<readonly Json[]> {
  const { state, execution, strand, name } = frame;
  const kept = isResuming(frame) ? execution.checkpoints.get(strand.path)?.items : undefined;
  if (kept) return kept;
  const items = state.Items === undefined ? frame.input : await fill(frame, state.Items, 'Items');
  if (Array.isArray(items)) return items;
  throw new StatesError(
    'States.QueryEvaluationError',
    `The field 'Items' of the state '${name}' has to be an array, not ${JSON.stringify(items).slice(0, 100)}.`,
  );
}

async function concurrencyOf(frame: Frame<MapState>): Promise<number> {
  const { MaxConcurrency = 0 } = frame.state;
  const asked = await fillNumber(frame, MaxConcurrency, 'MaxConcurrency', { min: 0, max: 100_000_000 });
  return asked === 0 ? MOST_ITERATIONS : Math.min(asked, MOST_ITERATIONS);
}

async function told(tell: (how: string) => void, work: () => Promise<Json>): Promise<Json> {
  try {
    const output = await work();
    tell('Succeeded');
    return output;
  } catch (error) {
    if (error instanceof StatesError) tell('Failed');
    else if (error instanceof Aborted && error.by === 'sibling') tell('Aborted');
    throw error;
  }
}

const pathOf = ({ strand, name }: Frame): string => `${strand.path}/${name}`;
const isResuming = (frame: Frame): boolean =>
  [...frame.execution.resuming].some((path) => path.startsWith(`${pathOf(frame)}[`));

/** A new attempt starts all its strands anew, unless it is a redrive's first: that goes on with those that had failed. */
function beginStrands(frame: Frame): void {
  const { checkpoints, done } = frame.execution;
  if (isResuming(frame)) return;
  for (const kept of [checkpoints, done])
    for (const path of kept.keys()) if (path.startsWith(`${pathOf(frame)}[`)) kept.delete(path);
}

function childOf(frame: Frame, index: number, previousEventId: number, signal: AbortSignal, map?: JsonObject): Strand {
  const { strand } = frame;
  const item = map ?? strand.map;
  return {
    path: `${pathOf(frame)}[${index}]`,
    previousEventId,
    variables: strand.variables,
    signal,
    ...(item ? { map: item } : {}),
  };
}

/** What the strand gave before a redrive, or what the work gives now. */
async function doneOr({ path }: Strand, { done }: Execution, work: () => Promise<Json>): Promise<Json> {
  const known = done.get(path);
  return known === undefined ? work() : known;
}

interface Running {
  readonly strand: Strand;
  readonly work: () => Promise<Json>;
}

/** Runs strands 0 to `count`, at most `limit` at once. The first error stops the others, and is thrown once they have ended. */
async function together(
  frame: Frame,
  count: number,
  limit: number,
  run: (index: number, signal: AbortSignal) => Running,
): Promise<Json[]> {
  const stop = new AbortController();
  const signal = AbortSignal.any([frame.strand.signal, stop.signal]);
  const outputs: Json[] = [];
  const errors: unknown[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count && errors.length === 0) {
      const index = next++;
      const { strand, work } = run(index, signal);
      try {
        outputs[index] = await work();
        frame.strand.previousEventId = strand.previousEventId;
      } catch (error) {
        if (errors.length === 0) frame.strand.previousEventId = strand.previousEventId;
        errors.push(error);
        stop.abort(new Aborted('sibling'));
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, count) }, lane));
  if (errors.length > 0) throw errors[0];
  return outputs;
}

function at<T>(list: readonly T[], index: number): T {
  const found = list[index];
  if (found === undefined) throw new Error(`nothing at index ${index} of ${list.length}`);
  return found;
}
