/** The environment variables of an execution environment (Lambda developer guide, "Defined runtime environment variables"). */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { WorldContext } from '../../world/types.ts';
import type { FunctionDefinition } from './types.ts';

export interface EnvironmentOf {
  readonly definition: FunctionDefinition;
  readonly folder: string;
  readonly gatewayUrl: string;
  /** Different for each environment, so that every call can be traced to the process that made it. */
  readonly accessKeyId: string;
  /** Port of the world's name server on 127.0.0.1; the machine's own resolver alone is asked without. */
  readonly dnsPort: number | undefined;
}

/** Starts from nothing: what the user's shell holds isn't there on AWS either, and may point at a real account. */
export function workerEnvironment(world: WorldContext, of: EnvironmentOf): NodeJS.ProcessEnv {
  const { definition } = of;
  const ca = join(world.dir, 'ca.pem');
  return {
    PATH: process.env.PATH,
    LANG: 'en_US.UTF-8',
    TZ: ':UTC',
    ...definition.environment,
    _HANDLER: definition.handler,
    AWS_EXECUTION_ENV: `AWS_Lambda_${definition.runtime}`,
    AWS_REGION: definition.region,
    AWS_DEFAULT_REGION: definition.region,
    AWS_LAMBDA_FUNCTION_NAME: definition.name,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(definition.memoryMegabytes),
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${definition.name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: `${new Date().toISOString().slice(0, 10).replaceAll('-', '/')}/[$LATEST]${of.accessKeyId}`,
    LAMBDA_TASK_ROOT: of.folder,
    AWS_ENDPOINT_URL: of.gatewayUrl,
    AWS_ACCESS_KEY_ID: of.accessKeyId,
    AWS_SECRET_ACCESS_KEY: 'test',
    // Taken away by the runtime before it loads the function.
    ...(of.dnsPort !== undefined && { LOCAL_DNS_PORT: String(of.dnsPort) }),
    // The local database's certificate isn't signed by Amazon's authority.
    ...(existsSync(ca) ? { NODE_EXTRA_CA_CERTS: ca } : {}),
  };
}
