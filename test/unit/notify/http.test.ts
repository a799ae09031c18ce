import { describe, expect, it } from '@jest/globals';
import { type HttpOptions, post } from '../../../functions/incidents/notify/http.ts';
import { Secrets } from '../../../functions/incidents/secrets.ts';

const URL_TEXT = 'https://hooks.example.com/services/SecretPathSecretPath?sig=SecretValueSecretValue';
type Answer = Response | Error;

function vendor(...answers: Answer[]) {
  const pauses: number[] = [];
  const requests: RequestInit[] = [];
  const options: HttpOptions = {
    fetch: async (_, init) => {
      requests.push(init ?? {});
      const next = answers.shift() ?? new Response(null, { status: 200 });
      if (next instanceof Error) throw next;
      return next;
    },
    pause: async (milliseconds) => pauses.push(milliseconds),
    random: () => 0.5,
    now: () => Date.parse('2026-11-20T03:00:00Z'),
    remaining: () => 30_000,
    scrub: (text) => text,
  };
  return { pauses, requests, options };
}
const status = (code: number, headers: Record<string, string> = {}) =>
  new Response('because', { status: code, headers });
const lost = () =>
  new TypeError('fetch failed', { cause: Object.assign(new Error(`connect ${URL_TEXT}`), { code: 'ECONNRESET' }) });
const send = (options: HttpOptions, url = URL_TEXT) => post('team', { url, body: '{}' }, options);

describe('posting', () => {
  it('tries again after throttling, server faults and lost connections, waiting longer each time', async () => {
    const { options, pauses } = vendor(status(503), lost());
    await send(options);
    expect(pauses).toEqual([300, 600]);
  });

  it.each([
    ['seconds', '2', 2_000],
    ['a date', 'Fri, 20 Nov 2026 03:00:03 GMT', 3_000],
  ])('waits as long as Retry-After asks in %s', async (_, header, expected) => {
    const { options, pauses } = vendor(status(429, { 'retry-after': header }));
    await send(options);
    expect(pauses).toEqual([expected]);
  });

  it('leaves a longer wait to the next delivery', async () => {
    const { options, pauses } = vendor(status(429, { 'retry-after': '30' }));
    await expect(send(options)).rejects.toMatchObject({ retryable: true, status: 429 });
    expect(pauses).toEqual([]);
  });

  it('gives up after three tries, and when the function has no time for another', async () => {
    const three = vendor(status(500), status(500), status(500), status(200));
    await expect(send(three.options)).rejects.toMatchObject({ retryable: true, status: 500 });
    expect(three.requests).toHaveLength(3);
    const late = vendor(status(500), status(200));
    await expect(send({ ...late.options, remaining: () => 5_000 })).rejects.toMatchObject({ status: 500 });
    expect(late.requests).toHaveLength(1);
  });

  it.each([400, 401, 403, 404, 410, 413])('does not repeat what is answered %i', async (code) => {
    const { options, requests } = vendor(status(code));
    await expect(send(options)).rejects.toMatchObject({ retryable: false, status: code });
    expect(requests).toHaveLength(1);
  });

  it('follows no redirect', async () => {
    const { options, requests } = vendor(status(307, { location: 'https://elsewhere.example.com/' }));
    await expect(send(options)).rejects.toMatchObject({ retryable: false, status: 307 });
    expect(requests.map(({ redirect }) => redirect)).toEqual(['manual']);
  });

  it.each([
    'ftp://hooks.example.com/SecretPathSecretPath',
    'http://hooks.example.com/SecretPathSecretPath',
    'SecretPathSecretPath',
  ])('refuses %s, and does not repeat it', async (url) => {
    const { options, requests } = vendor();
    const error = await send(options, url).catch((each: unknown) => each);
    expect(String(error)).toContain("isn't an https URL");
    expect(String(error)).not.toContain('SecretPath');
    expect(requests).toEqual([]);
  });

  it('tells a lost connection by its code, without the URL', async () => {
    const { options } = vendor(lost(), lost(), lost());
    const error = (await send(options).catch((each: unknown) => each)) as Error;
    expect(error.message).toBe('team: no answer: ECONNRESET');
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('Secret');
  });

  it('keeps only the beginning of a long answer', async () => {
    const { options } = vendor(new Response('x'.repeat(1_000_000), { status: 400 }));
    const error = (await send(options).catch((each: unknown) => each)) as Error;
    expect(error.message.length).toBeLessThan(300);
  });
});

describe('secrets', () => {
  const ARN = 'arn:aws:secretsmanager:us-east-1:000000000000:secret:team-AbCdEf';

  it('are read once for minutes, then again', async () => {
    let reads = 0;
    let now = 0;
    const secrets = new Secrets(
      async () => `value-${++reads}-value-value`,
      () => now,
    );
    expect([await secrets.get(ARN), await secrets.get(ARN)]).toEqual(['value-1-value-value', 'value-1-value-value']);
    now += 5 * 60_000;
    expect(await secrets.get(ARN)).toBe('value-2-value-value');
    secrets.forget(ARN);
    expect(await secrets.get(ARN)).toBe('value-3-value-value');
  });

  it('that could not be read are asked for again', async () => {
    let reads = 0;
    const secrets = new Secrets(async () => {
      if (++reads === 1) throw new Error('throttled');
      return 'value';
    });
    await expect(secrets.get(ARN)).rejects.toThrow('throttled');
    expect(await secrets.get(ARN)).toBe('value');
  });

  it('are refused when empty', async () => {
    await expect(new Secrets(async () => ' \n').get(ARN)).rejects.toThrow('it is empty');
  });

  it('are taken out of texts, whole and in the parts that a vendor could repeat', async () => {
    const secrets = new Secrets(async () => URL_TEXT);
    await secrets.get(ARN);
    for (const part of [URL_TEXT, '/services/SecretPathSecretPath', 'SecretPathSecretPath', 'SecretValueSecretValue'])
      expect(secrets.scrub(`invalid: ${part}!`)).not.toContain('Secret');
    expect(secrets.scrub('invalid_blocks')).toBe('invalid_blocks');
  });
});
