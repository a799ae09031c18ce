/** The Lambda entry of `set-logins`: one order about the users of a database. Only the plan's function may invoke it. */
import { runtimeConfig } from '../../../engine/config.ts';
import { newReceiver } from '../sealed.ts';
import { answerLogins } from './answer.ts';
import { type LoginAnswer, loginOrder } from './orders.ts';

/** Of this copy of the function; gone with it. */
const receiver = newReceiver();

export const handler = async (event: unknown): Promise<LoginAnswer> =>
  answerLogins(loginOrder.parse(event), runtimeConfig(), receiver);
