/** `nightshift doctor`: whether everything is in place for the night. */
import type { Check, DoctorDocument } from '../../events/published/doctor.ts';
import { getSwitch } from '../../functions/engine/switch.ts';
import { UsageError } from '../../local/world/errors.ts';
import type { Command } from '../command.ts';
import { readDeployment } from '../deployment.ts';
import { awsOf } from '../doctor/aws.ts';
import { examineAll } from '../doctor/checks.ts';
import { openFailures } from '../failures.ts';
import { type Io, table } from '../io.ts';
import { openStore } from '../journal.ts';
import { type Place, placeOf } from '../place.ts';
import { loadRemediation } from '../remediations.ts';

/** Something is wrong: it was printed with what to do about it. Exit code 1. */
export class Unhealthy extends Error {
  override readonly name = 'Unhealthy';
}

export const doctor = (examine: (place: Place) => Promise<Check[]> = examinePlace): Command => ({
  name: 'doctor',
  usage: 'doctor',
  summary: 'Checks that everything Nightshift needs is in place, and says what to do where it is not.',
  run: async (words, { json }, { io, place }) => {
    if (words.length > 0) throw new UsageError(`doctor takes no words, found "${words.join(' ')}"`);
    const where = await place();
    const checks = await examine(where);
    const bad = checks.filter(({ verdict }) => verdict === 'wrong').length;
    const document: DoctorDocument = { version: 1, place: placeOf(where), healthy: bad === 0, checks };
    if (json) io.out(JSON.stringify(document));
    else for (const line of lines(checks, io)) io.out(line);
    if (bad > 0) throw new Unhealthy(`${bad} of ${checks.length} checks found something wrong`);
  },
});

async function examinePlace(place: Place): Promise<Check[]> {
  const deployment = await readDeployment(place);
  const aws = awsOf(place);
  const failures = openFailures(place, deployment.name);
  const store = openStore(place);
  try {
    return await examineAll({
      place,
      deployment,
      aws,
      failures,
      readSwitch: () => getSwitch(store),
      loadRemediation: (name) => loadRemediation(place, name),
      now: Date.now,
    });
  } finally {
    aws.destroy();
    failures.destroy();
  }
}

const MARKS: Readonly<Record<Check['verdict'], string>> = { ok: '✔', wrong: '✘', unknown: '?' };

function lines(checks: readonly Check[], { colours }: Io): string[] {
  const paint = { ok: colours.green, wrong: colours.red, unknown: colours.yellow };
  const rows = table(checks.map(({ verdict, check, subject, what }) => [MARKS[verdict], check, subject, what]));
  return rows.flatMap((row, index) => {
    const check = checks[index];
    if (!check) return [];
    const line = paint[check.verdict](row.slice(0, 1)) + row.slice(1);
    return check.todo === undefined ? [line] : [line, colours.dim(`     to do: ${check.todo}`)];
  });
}
