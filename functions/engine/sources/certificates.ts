/** Certificates by ARN: ids say nothing to people, so a protected one goes by its name in the configuration. Pure. */
import type { RuntimeConfig } from '../config.ts';

/** Undefined for one that isn't protected. */
export function certificateTarget(
  arn: string,
  { certificates }: Pick<RuntimeConfig, 'certificates'>,
): string | undefined {
  const found = Object.values(certificates).find((each) => each.arn === arn);
  return found && `certificate/${found.name}`;
}
