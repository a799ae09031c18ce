/**
 * What runs inside a local execution environment: loads the handler and answers invocations that come over IPC, as the Node.js runtime does
 * (Lambda developer guide, "Define Lambda function handler in Node.js", "Using the Lambda context object", "Logging with Node.js").
 * Stands alone: it is stripped of types and copied beside the functions' code, and imports nothing but Node's own modules.
 */
import dns from 'node:dns';
import { existsSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { format } from 'node:util';

interface InvokeMessage {
  readonly requestId: string;
  /** JSON text. */
  readonly payload: string;
  readonly deadlineMs: number;
  readonly functionArn: string;
}
interface ReportedError {
  readonly errorType: string;
  readonly errorMessage: string;
  readonly trace: readonly string[];
}
type Handler = (event: unknown, context: object) => unknown;

const env = process.env;
let current = '';

function reported(error: unknown): ReportedError {
  if (error instanceof Error || (typeof error === 'object' && error !== null && 'message' in error)) {
    const { name = 'Error', message = '', stack = '' } = error as Partial<Error>;
    return { errorType: name, errorMessage: message, trace: stack.split('\n') };
  }
  return { errorType: typeof error, errorMessage: String(error), trace: [] };
}

const failure = (errorType: string, errorMessage: string): ReportedError => ({
  errorType,
  errorMessage,
  trace: [`${errorType}: ${errorMessage}`],
});

function patchConsole(): void {
  const levels = { debug: 'DEBUG', error: 'ERROR', info: 'INFO', log: 'INFO', trace: 'TRACE', warn: 'WARN' } as const;
  for (const [method, level] of Object.entries(levels)) {
    console[method as keyof typeof levels] = (...parts: unknown[]) => {
      const message = format(...parts).replaceAll('\n', '\r');
      process.stdout.write(`${new Date().toISOString()}\t${current}\t${level}\t${message}\n`);
    };
  }
}

/** Names that end with `.test` are the world's, which the machine's resolver doesn't know (RFC 6761, section 6.2: it has none of them). */
function askNameServer(port: string): void {
  const ofWorld = new dns.promises.Resolver({ timeout: 1_000, tries: 2 });
  ofWorld.setServers([`127.0.0.1:${port}`]);
  const { lookup } = dns;
  const { resolve4 } = dns.promises;
  const isOfWorld = (host: string): boolean => host.endsWith('.test');
  const found = (host: string) => ofWorld.resolve4(host);
  dns.promises.resolve4 = ((host: string, ...options: []) =>
    isOfWorld(host) ? found(host) : resolve4(host, ...options)) as typeof resolve4;
  dns.lookup = ((
    host: string,
    options: dns.LookupOptions,
    done: (error: Error | null, ...answer: unknown[]) => void,
  ) => {
    if (!isOfWorld(host)) return lookup(host, options, done as never);
    found(host).then(
      (all) =>
        options.all
          ? done(
              null,
              all.map((address) => ({ address, family: 4 })),
            )
          : done(null, all[0], 4),
      (error: Error) => done(error),
    );
  }) as typeof lookup;
  syncBuiltinESMExports();
}

function handlerFile(): [path: string, name: string] {
  const root = env.LAMBDA_TASK_ROOT ?? '.';
  const handler = env._HANDLER ?? '';
  const dot = handler.lastIndexOf('.');
  const stem = handler.slice(0, dot);
  const path = ['.js', '.mjs', '.cjs'].map((suffix) => join(root, stem + suffix)).find((file) => existsSync(file));
  if (dot < 0 || !path)
    throw Object.assign(new Error(`Cannot find module '${stem}'`), { name: 'Runtime.ImportModuleError' });
  return [path, handler.slice(dot + 1)];
}

async function loadHandler(): Promise<Handler> {
  const [path, name] = handlerFile();
  const loaded = (await import(pathToFileURL(path).href)) as Record<string, unknown> & {
    default?: Record<string, unknown>;
  };
  const handler = loaded[name] ?? loaded.default?.[name];
  if (typeof handler !== 'function')
    throw Object.assign(new Error(`${env._HANDLER} is undefined or not exported`), { name: 'Runtime.HandlerNotFound' });
  // From Node.js 24 on ("Node.js 24 runtime now available in AWS Lambda"), handlers with a callback are refused.
  if (handler.length >= 3)
    throw Object.assign(
      new Error('AWS Lambda has removed support for callback-based function handlers starting with Node.js 24.'),
      {
        name: 'Runtime.CallbackHandlerDeprecated',
      },
    );
  return handler as Handler;
}

function contextOf({ requestId, deadlineMs, functionArn }: InvokeMessage): object {
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    invokedFunctionArn: functionArn,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    awsRequestId: requestId,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    getRemainingTimeInMillis: () => deadlineMs - Date.now(),
  };
}

/** Tells the parent, then (if `exit`) ends: the environment isn't used again. */
function tell(message: object, exit = false): void {
  // Output written before must be in the log before END is: pipes are written synchronously (Node.js, "A note on process I/O").
  process.stdout.write(`\u001eEND ${current}\n`);
  process.send?.(message, undefined, {}, () => {
    if (exit) process.exit(1);
  });
}

async function answer(handler: Handler, message: InvokeMessage): Promise<void> {
  current = message.requestId;
  env._X_AMZN_TRACE_ID = `Root=1-${Math.floor(Date.now() / 1000).toString(16)}-${current.replaceAll('-', '').slice(0, 24)};Sampled=0`;
  try {
    const result = await handler(JSON.parse(message.payload), contextOf(message));
    tell({ type: 'result', requestId: current, payload: JSON.stringify(result) ?? 'null' });
  } catch (error) {
    console.error('Invoke Error', JSON.stringify(reported(error)));
    tell({ type: 'error', requestId: current, error: reported(error) });
  }
}

/** Outside the handler: Lambda ends the environment. */
function dieOf(type: string, error: unknown): void {
  const inner = reported(error);
  tell(
    {
      type: 'error',
      requestId: current,
      error: { ...inner, errorType: type, errorMessage: `${inner.errorType}: ${inner.errorMessage}` },
    },
    true,
  );
}

async function start(): Promise<void> {
  patchConsole();
  const { LOCAL_DNS_PORT: port } = env;
  delete env.LOCAL_DNS_PORT;
  if (port !== undefined) askNameServer(port);
  process.on('uncaughtException', (error) => dieOf('Runtime.UncaughtException', error));
  process.on('unhandledRejection', (error) => dieOf('Runtime.UnhandledPromiseRejection', error));
  // The world is gone: nobody is left to answer.
  process.on('disconnect', () => process.exit(0));
  let handler: Handler;
  try {
    handler = await loadHandler();
  } catch (error) {
    const cause =
      error instanceof SyntaxError ? failure('Runtime.UserCodeSyntaxError', error.message) : reported(error);
    tell({ type: 'init-error', error: cause }, true);
    return;
  }
  process.on('message', (message: InvokeMessage) => void answer(handler, message));
  process.send?.({ type: 'ready' });
}

void start();
