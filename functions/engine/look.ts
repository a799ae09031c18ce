/** A look at a target by the deployed function itself, with its own role, network and database login. */
import type { Outcome } from '../../events/outcome.ts';
import type { Protected } from './config.ts';
import type { Context } from './context.ts';

/**
 * Observes a target as for a signal. Nothing is changed and nothing written, the journal neither.
 * @param name the target's key, such as `ecs-service/orders/backend`.
 * @throws whatever keeps the remediation from looking, such as PermissionError: whoever asked is told that.
 */
export async function look<T extends Protected, O>(
  { remediation, config }: Pick<Context<T, O>, 'remediation' | 'config'>,
  name: string,
): Promise<Outcome> {
  const target = remediation.targetOf(name, config);
  if (!target)
    return { kind: 'rejected', reason: 'target-not-configured', detail: `${name} is not in the configuration` };
  await remediation.observe(target, config);
  return { kind: 'noted', detail: `looked at ${name}` };
}
