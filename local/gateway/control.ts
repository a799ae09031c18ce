/** The gateway's own pages under `/_nightshift/`, for the command line: health, recorded calls, faults. JSON in and out. */
import { z } from 'zod';
import type { AwsReply, Fault } from '../world/types.ts';
import type { Gateway } from './gateway-types.ts';
import { NAMED_FAULTS, namedFault } from './named-faults.ts';
import type { RawCall } from './parse.ts';

const FAULT = z.strictObject({
  name: z.string().min(1),
  match: z.strictObject({
    service: z.string().optional(),
    operation: z.string().optional(),
    caller: z.string().optional(),
    region: z.string().optional(),
    resource: z.string().optional(),
  }),
  kind: z.enum(['throttled', 'refused', 'timeout-before', 'timeout-after', 'slow', 'cut-off', 'kill-caller-after']),
  delayMs: z.number().min(0).optional(),
  times: z.int().min(1).optional(),
  after: z.int().min(0).optional(),
});

const json = (status: number, body: unknown): AwsReply => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

/** Either the name of a catalogued fault (`{"name":"ecs-throttled"}`) or a whole `Fault`. */
function faultFrom(body: Buffer): Fault | string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString('utf8'));
  } catch {
    return 'the body isn’t JSON';
  }
  const name = z.strictObject({ name: z.string() }).safeParse(parsed).data?.name;
  if (name !== undefined)
    return namedFault(name) ?? `no fault is called "${name}"; there are: ${Object.keys(NAMED_FAULTS).join(', ')}`;
  const checked = FAULT.safeParse(parsed);
  // zod types an absent field as possibly undefined, which JSON can't hold.
  return checked.success ? (checked.data as Fault) : z.prettifyError(checked.error);
}

function faults(gateway: Gateway, raw: RawCall, name: string | undefined): AwsReply {
  if (raw.method === 'GET') {
    const known = Object.entries(NAMED_FAULTS).map(([key, { summary }]) => ({ name: key, summary }));
    return json(200, { faults: gateway.faults.list(), known });
  }
  if (raw.method === 'DELETE') {
    const names = name ? [name] : gateway.faults.list().map((fault) => fault.name);
    const removed = names.filter((each) => gateway.faults.remove(each));
    if (name && removed.length === 0) return json(404, { error: `no fault "${name}" is set` });
    return json(200, { removed });
  }
  if (raw.method !== 'POST') return json(405, { error: `${raw.method}: expected GET, POST or DELETE` });
  const fault = faultFrom(raw.body);
  if (typeof fault === 'string') return json(400, { error: fault });
  gateway.faults.add(fault);
  return json(200, { added: fault });
}

/** Answers `GET health`, `GET calls?since=<position>` (answers `next`, the position to continue from), and `GET`, `POST`, `DELETE faults[/<name>]`. */
export function control(gateway: Gateway, raw: RawCall): AwsReply {
  const url = new URL(raw.path, 'http://gateway');
  const [page, name] = url.pathname.slice('/_nightshift/'.length).split('/');
  if (page === 'faults') return faults(gateway, raw, name ? decodeURIComponent(name) : undefined);
  if (raw.method !== 'GET') return json(405, { error: `${raw.method}: expected GET` });
  if (page === 'health') return json(200, { ok: true, emulator: gateway.upstreamUrl !== undefined });
  if (page === 'calls') {
    const since = Number(url.searchParams.get('since') ?? 0);
    return json(200, gateway.callsSince(since));
  }
  return json(404, { error: `no page "${page}"; there are: health, calls, faults` });
}
