/** `nightshift fault`: makes a local world misbehave as AWS sometimes does. */
import { type FaultsDocument, faultsDocument } from '../../events/published/faults.ts';
import { UsageError } from '../../local/world/errors.ts';
import type { Command, CommandContext, Options } from '../command.ts';
import { table } from '../io.ts';
import type { Place } from '../place.ts';

export const fault: Command = {
  name: 'fault',
  usage: 'fault <name> | fault list | fault clear',
  summary: 'Makes a local world misbehave: injects a named fault, lists them, or takes all away.',
  run: async (words, options, context) => {
    const [word, ...more] = words;
    if (word === undefined || more.length > 0)
      throw new UsageError('expected one word: "fault list", "fault clear", or "fault <name>"');
    const place = await context.place();
    if (place.endpoint === undefined) throw new UsageError('faults exist only in local worlds: use --world, not --aws');
    if (word !== 'list') await change(word, place, context);
    await show(place, options, context);
  },
};

async function change(word: string, place: Place, { confirm }: CommandContext): Promise<void> {
  if (word === 'clear') {
    await confirm('take away every injected fault');
    await control(place, 'DELETE');
    return;
  }
  const { known } = await read(place);
  const names = known.map(({ name }) => name);
  if (!names.includes(word))
    throw new UsageError(`no fault "${word}"; there are ${names.join(', ')} ("nightshift fault list" explains them)`);
  await confirm(`inject the fault "${word}"`);
  await control(place, 'POST', { name: word });
}

async function show(place: Place, options: Options, { io }: CommandContext): Promise<void> {
  const document = await read(place);
  if (options.json) {
    io.out(JSON.stringify(document));
    return;
  }
  const active = new Set(document.active.map(({ name }) => name));
  const rows = document.known.map(({ name, summary }) => [active.has(name) ? 'injected' : '-', name, summary]);
  for (const line of table(rows, (cell, column) =>
    column === 0 && cell.startsWith('i') ? io.colours.red(cell) : cell,
  ))
    io.out(line);
}

/** What the gateway answers to GET. */
const answer = faultsDocument.pick({ known: true }).extend({ faults: faultsDocument.shape.active });

async function read(place: Place): Promise<FaultsDocument> {
  const { known, faults } = answer.parse(await control(place, 'GET'));
  return faultsDocument.parse({ version: 1, world: place.world, known, active: faults });
}

/** The gateway's own interface, beside AWS's. @throws Error with what the gateway answered. */
async function control(place: Place, method: 'GET' | 'POST' | 'DELETE', body?: unknown): Promise<unknown> {
  const reply = await fetch(new URL('/_nightshift/faults', place.endpoint), {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  const text = await reply.text();
  if (!reply.ok) throw new Error(`the world's gateway answered ${reply.status} to ${method} faults: ${text}`);
  return text === '' ? {} : JSON.parse(text);
}
