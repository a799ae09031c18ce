/** The Lambda entry of `read-backup`: one question about a restored instance. Only the job may invoke it. */
import { runtimeConfig } from '../../../engine/config.ts';
import type { Answer } from '../reading.ts';
import { readOrder } from '../reading.ts';
import { answerOrder } from './read.ts';

export const handler = async (event: unknown): Promise<Answer> =>
  answerOrder(readOrder.parse(event), runtimeConfig(), Date.now);
