/** Asking `set-logins`, the function in the databases' network. */
import { askerOf } from '../../databases/ask-function.ts';
import { RetryableError } from '../../engine/errors.ts';
import { type LoginAnswer, type LoginOrder, loginAnswer } from './helper/orders.ts';
import { LOGINS, manifest } from './manifest.ts';
import { type Sealed, seal } from './sealed.ts';

/** Asks the function that sets passwords. @throws RetryableError when it doesn't answer. */
export type AskLogins = (order: LoginOrder, deployment: string) => Promise<LoginAnswer>;

const ask = askerOf(manifest.helper.timeoutSeconds);

export const byFunction: AskLogins = async (order, deployment) =>
  loginAnswer.parse(await ask(`nightshift-${deployment}-${LOGINS}`, order));

/** Copies of a function come and go; one that isn't asked by others answers twice in a row. */
const TRIES = 5;

/** Asks with a secret, sealed to the copy of the function that answers. @throws RetryableError when it is another one each time. */
export async function askSealed(
  askLogins: AskLogins,
  orderWith: (password: Sealed) => LoginOrder,
  secret: string,
  deployment: string,
): Promise<LoginAnswer> {
  let answer = await askLogins({ ask: 'key' }, deployment);
  for (let tries = 1; tries <= TRIES; tries++) {
    if (answer.kind !== 'key' && answer.kind !== 'other-key') return answer;
    answer = await askLogins(orderWith(seal(answer.key, secret)), deployment);
  }
  if (answer.kind !== 'other-key') return answer;
  throw new RetryableError(`${LOGINS}: another copy of it answered each of ${TRIES} times`);
}
