/** The address in the secret by which services find their database. */
import { ActionFailedError, ChangedBySomeoneElseError } from '../../engine/errors.ts';
import { changedSince, makeCurrent, makeVersion, readVersions, type Switch, textOf } from '../secret-versions.ts';
import { type Address, pointAt, speaksOf } from './point-at.ts';

/** Whether that version speaks of the address, in whatever form. @param other the address that it has to be told from. @throws EngineError */
export const mentions = async (
  secret: string,
  version: string | undefined,
  address: Address,
  other: Address,
): Promise<boolean> => version !== undefined && speaksOf(await textOf(secret, version), address, other);

/**
 * Makes the run's version of the secret, which names the new instance, and makes it the current one. Repeated, it is the same version.
 * @throws ChangedBySomeoneElseError when another version became the current one before anything was changed; ActionFailedError when that happened later, and when the text doesn't
 * name the old instance any more, or in more places than are understood.
 */
export async function pointSecretAt(
  { secret, from, to }: Switch,
  address: { readonly old: Address; readonly new: Address; readonly instance: string },
): Promise<void> {
  const { current } = await readVersions(secret, to);
  if (current !== from && current !== to) throw changedSince(from, current);
  const text = pointAt(await textOf(secret, from), address.old, address.new, address.instance);
  if (text === undefined)
    throw new ActionFailedError(
      'the secret doesn’t name the old instance any more, or in a place that isn’t understood',
    );
  await makeVersion(secret, to, text);
  try {
    await makeCurrent({ secret, from, to });
  } catch (error) {
    // The version is made by now, so that this isn't a change of which nothing was done.
    if (error instanceof ChangedBySomeoneElseError) throw new ActionFailedError(error.message);
    throw error;
  }
}
