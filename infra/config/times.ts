/** Times of day and time zones as people write them. */
import { z } from 'zod';

export const clockTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time of day such as 22:00');

/** IANA name, such as Europe/Paris. */
export const timeZoneName = z.string().refine(isTimeZone, 'the IANA name of a time zone, such as Europe/Paris');

function isTimeZone(text: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: text });
    return true;
  } catch {
    return false;
  }
}
