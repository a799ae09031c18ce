/** A terminal that remembers, for tests of the command line. */
import pc from 'picocolors';
import type { Io } from '../../../cli/io.ts';
import type { Place } from '../../../cli/place.ts';

export interface Recorded extends Io {
  readonly stdout: string[];
  readonly stderr: string[];
  readonly questions: string[];
}

/** @param answer what the person says when asked; `undefined` when nobody is there. */
export function recorder(answer?: boolean): Recorded {
  const stdout: string[] = [];
  const stderr: string[] = [];
  const questions: string[] = [];
  return {
    stdout,
    stderr,
    questions,
    out: (line) => stdout.push(line),
    err: (line) => stderr.push(line),
    colours: pc.createColors(false),
    ask: async (question) => {
      questions.push(question);
      return answer;
    },
  };
}

export const LOCAL_PLACE: Place = {
  world: 'demo',
  account: '000000000000',
  region: 'us-east-1',
  table: 'nightshift-demo-journal',
  endpoint: 'http://127.0.0.1:1',
  clientSettings: { region: 'us-east-1' },
};
