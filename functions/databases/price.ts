/** What an instance class costs, as far as it is configured. Pure. */
import type { DatabaseConfig } from '../engine/config.ts';

/** US dollars an hour; undefined when that isn't configured. */
export const priceOf = (
  { instanceClasses }: Pick<DatabaseConfig, 'instanceClasses'>,
  wanted: string,
): number | undefined => instanceClasses.find(({ name }) => name === wanted)?.usdPerHour;

/** For the end of a list of what a change brings with it. */
export const costInWords = (usdPerHour: number | undefined): string =>
  usdPerHour === undefined ? '' : `; ${usdPerHour.toFixed(2)} USD an hour more`;
