/** `nightshift pause`, `freeze`, `resume` and `status`: the one lever over everything that changes something. */
import type { SwitchDocument } from '../../events/published/switch.ts';
import type { SwitchItem, SwitchState } from '../../functions/engine/items.ts';
import { UsageError } from '../../local/world/errors.ts';
import type { Command, CommandContext, Options } from '../command.ts';
import type { Place } from '../place.ts';
import { placeOf } from '../place.ts';

/** The lever of a place. */
export interface Lever {
  get(): Promise<SwitchItem>;
  set(state: SwitchState, by: string, reason: string): Promise<void>;
}
export type OpenLever = (place: Place) => Lever;

const ORDERS = [
  {
    name: 'pause',
    state: 'pause',
    summary: 'Stops new changes; what is under way is finished.',
    what: 'stop new changes',
  },
  {
    name: 'freeze',
    state: 'freeze',
    summary: 'Stops new changes, and unfinished ones from being taken up again; a function that runs finishes.',
    what: 'stop new changes, and unfinished ones from being taken up again',
  },
  { name: 'resume', state: 'run', summary: 'Allows changes again.', what: 'allow changes again' },
] as const satisfies readonly { name: string; state: SwitchState; summary: string; what: string }[];

/** The commands that move the lever, and the one that reads it. */
export const switchCommands = (open: OpenLever, person: (place: Place) => Promise<string>): Command[] => [
  ...ORDERS.map(
    ({ name, state, summary, what }): Command => ({
      name,
      usage: `${name} [--reason <why>]`,
      summary,
      run: async (words, options, context) => {
        const place = await context.place();
        await context.confirm(what);
        const lever = open(place);
        const reason = options.reason?.trim() || words.join(' ') || 'no reason given';
        await lever.set(state, await person(place), reason);
        await show(lever, place, options, context);
      },
    }),
  ),
  {
    name: 'status',
    usage: 'status',
    summary: 'Says whether changes are allowed, paused or frozen, by whom and why.',
    run: async (words, options, context) => {
      if (words.length > 0) throw new UsageError(`status takes no words, found "${words.join(' ')}"`);
      const place = await context.place();
      await show(open(place), place, options, context);
    },
  },
];

const SAYS: Readonly<Record<SwitchState, string>> = {
  run: 'changes are allowed',
  pause: 'paused: no new changes',
  freeze: 'frozen: no new changes, and no unfinished one is taken up again',
};

async function show(lever: Lever, place: Place, { json }: Options, { io }: CommandContext): Promise<void> {
  const { state, by, reason, at } = await lever.get();
  const document: SwitchDocument = { version: 1, place: placeOf(place), switch: { state, by, reason, at } };
  // Nobody set it: then who, when and why would be made up.
  const why = Date.parse(at) === 0 ? 'never set' : `${by}, ${at}: ${reason}`;
  io.out(json ? JSON.stringify(document) : `${SAYS[state]} (${why})`);
}
