import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { ActionFailedError, PermissionError, RetryableError } from '../../../functions/engine/errors.ts';
import { putNew, readObject } from '../../../functions/records/s3.ts';

const object = {
  bucket: 'nightshift-main',
  key: 'incidents/2026/11/inc 1/report.md',
  contentType: 'text/markdown',
  body: '# Ä',
};
const environment = {
  AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'secret-access-key',
  AWS_SESSION_TOKEN: 'session',
  AWS_SDK_UA_APP_ID: 'nightshift-main',
};
type Answer = { readonly status: number; readonly body?: string } | Error;

/** S3 that gives these answers in turn. */
function s3(...answers: readonly Answer[]) {
  const asked: { url: string; init: RequestInit }[] = [];
  const fetch = (async (url: URL, init: RequestInit) => {
    asked.push({ url: String(url), init });
    const answer = answers[asked.length - 1] ?? new Error('no more answers');
    if (answer instanceof Error) throw answer;
    return new Response(answer.body ?? '', { status: answer.status });
  }) as typeof globalThis.fetch;
  return { asked, options: { region: 'eu-west-1', environment, fetch, pause: async () => {} } };
}
const refusal = (code: string) => `<?xml version="1.0"?><Error><Code>${code}</Code><Message>no</Message></Error>`;

describe('writing a new object', () => {
  it('asks S3 to write it only if none is there, signed for S3 in the region', async () => {
    const { asked, options } = s3({ status: 200 });
    expect(await putNew(object, options)).toBe(true);
    const [{ url, init } = { url: '', init: {} }] = asked;
    expect(url).toBe('https://nightshift-main.s3.eu-west-1.amazonaws.com/incidents/2026/11/inc%201/report.md');
    const headers = init.headers as Record<string, string>;
    expect(headers).toMatchObject({
      'if-none-match': '*',
      'content-type': 'text/markdown',
      'x-amz-security-token': 'session',
      'x-amz-content-sha256': createHash('sha256').update('# Ä').digest('hex'),
      'x-amz-checksum-sha256': createHash('sha256').update('# Ä').digest('base64'),
    });
    expect(headers.authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/eu-west-1\/s3\/aws4_request, SignedHeaders=.*if-none-match.*, Signature=[0-9a-f]{64}$/,
    );
    expect(JSON.stringify(headers)).not.toContain('secret-access-key');
  });

  it('says when it was there', async () => {
    const { options } = s3({ status: 412, body: refusal('PreconditionFailed') });
    expect(await putNew(object, options)).toBe(false);
  });

  it('tries again what passes, and finds what its lost try has written', async () => {
    const { asked, options } = s3(
      new TypeError('fetch failed'),
      { status: 503, body: refusal('SlowDown') },
      { status: 412 },
    );
    expect(await putNew(object, options)).toBe(false);
    expect(asked).toHaveLength(3);
  });

  it('tries again when another write of the same key is under way', async () => {
    const { asked, options } = s3({ status: 409, body: refusal('ConditionalRequestConflict') }, { status: 200 });
    expect(await putNew(object, options)).toBe(true);
    expect(asked).toHaveLength(2);
  });

  it('gives up on what repeating can not mend, by its kind', async () => {
    const denied = s3({ status: 403, body: refusal('AccessDenied') });
    await expect(putNew(object, denied.options)).rejects.toThrow(PermissionError);
    expect(denied.asked).toHaveLength(1);
    await expect(putNew(object, s3({ status: 404, body: refusal('NoSuchBucket') }).options)).rejects.toThrow(
      ActionFailedError,
    );
    const down = s3({ status: 500 }, { status: 500 }, { status: 500 });
    await expect(putNew(object, down.options)).rejects.toThrow(RetryableError);
  });

  it('needs the credentials of a role', async () => {
    const { options } = s3({ status: 200 });
    await expect(putNew(object, { ...options, environment: {} })).rejects.toThrow(/AWS_ACCESS_KEY_ID/);
  });

  it('goes where the standard endpoint variables say', async () => {
    const { asked, options } = s3({ status: 200 });
    await putNew(object, {
      ...options,
      environment: { ...environment, AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:4566/' },
    });
    expect(asked[0]?.url).toBe('http://127.0.0.1:4566/nightshift-main/incidents/2026/11/inc%201/report.md');
  });
});

describe('locking an object', () => {
  it('says until when nobody may delete it', async () => {
    const { asked, options } = s3({ status: 200 });
    await putNew({ ...object, lockedUntil: new Date('2026-12-31T00:00:00Z') }, options);
    expect(asked[0]?.init.headers).toMatchObject({
      'x-amz-object-lock-mode': 'GOVERNANCE',
      'x-amz-object-lock-retain-until-date': '2026-12-31T00:00:00.000Z',
    });
  });
});

describe('reading an object', () => {
  it('gives its text, and tries again what passes', async () => {
    const { asked, options } = s3({ status: 503, body: refusal('SlowDown') }, { status: 200, body: 'text' });
    expect(await readObject('nightshift-main', 'a/b', options)).toBe('text');
    expect(asked.map(({ init }) => init.method ?? 'GET')).toEqual(['GET', 'GET']);
  });

  it('says when S3 refuses', async () => {
    const { options } = s3({ status: 403, body: refusal('AccessDenied') });
    await expect(readObject('nightshift-main', 'a/b', options)).rejects.toThrow(PermissionError);
  });
});
