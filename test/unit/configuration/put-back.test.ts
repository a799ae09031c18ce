import { describe, expect, it } from '@jest/globals';
import { withoutText } from '../../../functions/configuration/put-back.ts';
import { classifyAwsError } from '../../../functions/engine/errors.ts';

describe('what Parameter Store refuses', () => {
  const refused = (name: string, status: number) =>
    Object.assign(new Error('Parameter value, hunter2, cannot be validated against allowedPattern: ^a$'), {
      ...{ name, $metadata: { httpStatusCode: status } },
    });
  const told = (name: string, status: number) =>
    classifyAwsError('put back parameter//orders/token', withoutText(refused(name, status)));

  it('is told without its text, which may quote the value, and without what holds it', () => {
    const error = told('ParameterPatternMismatchException', 400);
    expect(error.message).toMatch(/^put back parameter\/\/orders\/token: ParameterPatternMismatchException: /);
    expect(`${error.message} ${error.stack} ${(error.cause as Error).stack}`).not.toContain('hunter2');
  });

  it('is sorted as before: what passes by itself is tried again', () => {
    const sorted = [told('ThrottlingException', 400), told('InternalServerError', 500), told('ParameterNotFound', 400)];
    expect(sorted.map(({ retryable }) => retryable)).toEqual([true, true, false]);
  });
});
