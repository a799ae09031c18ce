/** Waiting for something no longer than a given time. */

/**
 * The result of `work`, if it comes in time. What comes later is left alone: `work` isn't ended by this, and its failure isn't told then.
 * @param ms milliseconds.
 * @throws Error with the message `late`, once they are over; whatever `work` throws before.
 */
export async function inTime<Result>(ms: number, late: string, work: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(late)), ms);
  });
  try {
    return await Promise.race([work, over]);
  } finally {
    clearTimeout(timer);
  }
}
