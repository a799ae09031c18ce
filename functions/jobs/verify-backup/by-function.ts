/** Asking `read-backup`, the function in the network of restored instances. */
import { askerOf } from '../../databases/ask-function.ts';
import { manifest, READER } from './manifest.ts';
import { type Answer, answer, type ReadOrder } from './reading.ts';

/** Asks the function that reads restored instances. @throws RetryableError when it doesn't answer. */
export type Reader = (order: ReadOrder, deployment: string) => Promise<Answer>;

const ask = askerOf(manifest.reader.timeoutSeconds);

/** By the function `read-backup`, which is the only one in the network of restored instances. */
export const byFunction: Reader = async (order, deployment) =>
  answer.parse(await ask(`nightshift-${deployment}-${READER}`, order));
