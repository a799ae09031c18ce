/** What the emulator knows about functions, cached for a moment. */
import type { Gateway } from '../../gateway/gateway-types.ts';
import { parseArn } from '../../gateway/services.ts';
import { AwsCallError } from '../../gateway/upstream.ts';
import { AwsFault } from '../../world/types.ts';
import type { AsyncSettings, FunctionDefinition, RegisteredSettings } from './types.ts';

/** Deployments happen inside the emulator, so definitions are asked for again after this. */
const FRESH_FOR_MS = 1_000;
const DEFAULTS: AsyncSettings = { maximumRetryAttempts: 2, maximumEventAgeSeconds: 21_600 };

interface GetFunctionReply {
  readonly Configuration: {
    readonly FunctionArn: string;
    readonly FunctionName: string;
    readonly Runtime?: string;
    readonly Handler?: string;
    readonly Timeout?: number;
    readonly MemorySize?: number;
    readonly Environment?: { readonly Variables?: Record<string, string> };
    readonly CodeSha256: string;
    readonly Role: string;
    readonly DeadLetterConfig?: { readonly TargetArn?: string } | null;
  };
  readonly Concurrency?: { readonly ReservedConcurrentExecutions?: number };
}

interface InvokeConfigReply {
  readonly MaximumRetryAttempts?: number;
  readonly MaximumEventAgeInSeconds?: number;
  readonly DestinationConfig?: {
    readonly OnFailure?: { readonly Destination?: string };
    readonly OnSuccess?: { readonly Destination?: string };
  };
}

/** Name and region of a function named in any of the forms that the API takes (API reference, Invoke, `FunctionName`). */
export function functionName(reference: string, region: string): { name: string; region: string; qualifier?: string } {
  const parts = reference.split(':');
  const isFull = reference.startsWith('arn:');
  const at = parts.indexOf('function');
  const [name = '', qualifier] = at < 0 ? parts : parts.slice(at + 1);
  return { name, region: isFull ? parseArn(reference).region : region, ...(qualifier ? { qualifier } : {}) };
}

const dropEmpty = <T extends object>(object: T): T =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined && value !== '')) as T;

function asyncSettings(config: InvokeConfigReply, deadLetterArn: string | undefined): AsyncSettings {
  return dropEmpty({
    ...DEFAULTS,
    ...dropEmpty({
      maximumRetryAttempts: config.MaximumRetryAttempts ?? DEFAULTS.maximumRetryAttempts,
      maximumEventAgeSeconds: config.MaximumEventAgeInSeconds ?? DEFAULTS.maximumEventAgeSeconds,
    }),
    onFailureArn: config.DestinationConfig?.OnFailure?.Destination,
    onSuccessArn: config.DestinationConfig?.OnSuccess?.Destination,
    deadLetterArn,
  }) as AsyncSettings;
}

export class Definitions {
  readonly #gateway: Gateway;
  readonly #cache = new Map<string, { at: number; found: Promise<FunctionDefinition> }>();
  readonly #registered = new Map<string, RegisteredSettings>();

  constructor(gateway: Gateway) {
    this.#gateway = gateway;
  }

  register(name: string, region: string, settings: RegisteredSettings): void {
    const key = `${region} ${name}`;
    this.#registered.set(key, { ...this.#registered.get(key), ...settings });
    this.#cache.delete(key);
  }

  refresh(): void {
    this.#cache.clear();
  }

  /** @throws AwsFault ResourceNotFoundException. */
  get(name: string, region: string): Promise<FunctionDefinition> {
    const key = `${region} ${name}`;
    const cached = this.#cache.get(key);
    if (cached && performance.now() - cached.at < FRESH_FOR_MS) return cached.found;
    const found = this.#fetch(name, region);
    this.#cache.set(key, { at: performance.now(), found });
    // Whoever asked gets the error; the next one asks again.
    found.catch(() => this.#cache.delete(key));
    return found;
  }

  /** Concurrency that the known functions of a region keep for themselves. */
  async reserved(region: string): Promise<number> {
    const known = [...this.#cache.entries()].filter(([key]) => key.startsWith(`${region} `));
    const settled = await Promise.allSettled(known.map(([, { found }]) => found));
    return settled.reduce(
      (sum, one) => sum + (one.status === 'fulfilled' ? (one.value.reservedConcurrency ?? 0) : 0),
      0,
    );
  }

  async #fetch(name: string, region: string): Promise<FunctionDefinition> {
    const path = `/functions/${encodeURIComponent(name)}`;
    const [reply, invokeConfig] = await Promise.all([
      this.#ask<GetFunctionReply>(region, `/2015-03-31${path}`),
      this.#invokeConfig(region, path),
    ]);
    if (!reply)
      throw new AwsFault(
        'ResourceNotFoundException',
        `Function not found: arn:aws:lambda:${region}:000000000000:function:${name}`,
        404,
      );
    const { reservedConcurrency, ...settings } = this.#registered.get(`${region} ${name}`) ?? {};
    const { Configuration: config } = reply;
    const reserved = reservedConcurrency ?? reply.Concurrency?.ReservedConcurrentExecutions;
    return {
      arn: config.FunctionArn.replace(/(:function:[^:]+).*$/, '$1'),
      name,
      region,
      runtime: config.Runtime ?? '',
      handler: config.Handler ?? '',
      timeoutSeconds: config.Timeout ?? 3,
      memoryMegabytes: config.MemorySize ?? 128,
      environment: config.Environment?.Variables ?? {},
      codeSha256: config.CodeSha256,
      role: config.Role,
      ...(reserved === undefined || reserved === null ? {} : { reservedConcurrency: reserved }),
      asynchronous: { ...asyncSettings(invokeConfig ?? {}, config.DeadLetterConfig?.TargetArn), ...settings },
    };
  }

  /** On AWS one configuration; the emulator keeps CloudFormation's under the qualifier `$LATEST` and the API's under none. */
  async #invokeConfig(region: string, path: string): Promise<InvokeConfigReply | undefined> {
    const page = `/2019-09-25${path}/event-invoke-config`;
    return (
      (await this.#ask<InvokeConfigReply>(region, page)) ??
      this.#ask<InvokeConfigReply>(region, `${page}?Qualifier=%24LATEST`)
    );
  }

  /** Nothing for "not found". */
  async #ask<T>(region: string, path: string): Promise<T | undefined> {
    try {
      return (await this.#gateway.askEmulator({ service: 'lambda', region, method: 'GET', path })) as T;
    } catch (error) {
      if (error instanceof AwsCallError && error.status === 404) return undefined;
      throw error;
    }
  }
}
