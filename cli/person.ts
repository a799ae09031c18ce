/** Who sits at the command line, as the journal names them. */
import { userInfo } from 'node:os';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { clientDefaults } from '../functions/engine/clients.ts';
import type { Place } from './place.ts';

/**
 * `person:<name>`: on AWS the IAM identity of the credentials (needs no permission: "GetCallerIdentity", AWS STS API Reference), which the person can't
 * choose; in a local world, where there are no identities, the name of the operating system's user.
 * @throws the SDK's error when AWS doesn't say who it is: then nothing is written in anybody's name.
 */
export async function personAt(place: Pick<Place, 'world' | 'clientSettings'>): Promise<string> {
  if (place.world !== undefined) return `person:${userInfo().username}`;
  const sts = new STSClient({ ...clientDefaults(), ...place.clientSettings });
  try {
    const { Arn } = await sts.send(new GetCallerIdentityCommand({}));
    if (!Arn) throw new Error('AWS told no ARN for these credentials: nothing was changed');
    return `person:${nameIn(Arn)}`;
  } finally {
    sts.destroy();
  }
}

/**
 * The part of an identity's ARN that tells people apart: `jane` of a user, `<role>/<session>` of an assumed role, `root`.
 * "IAM identifiers", IAM User Guide: paths of users come before their name.
 */
export function nameIn(arn: string): string {
  const [kind = '', ...rest] = arn.split(':').slice(5).join(':').split('/');
  if (kind === 'user') return rest.at(-1) ?? arn;
  return rest.length > 0 ? rest.join('/') : kind;
}
