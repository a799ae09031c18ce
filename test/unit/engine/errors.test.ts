import { describe, expect, it } from '@jest/globals';
import {
  ActionFailedError,
  classifyAwsError,
  PermissionError,
  RetryableError,
} from '../../../functions/engine/errors.ts';

const awsError = (name: string, httpStatusCode?: number) =>
  Object.assign(new Error('no'), { name, $metadata: { httpStatusCode } });

describe('an error of AWS', () => {
  it.each([
    ['ThrottlingException', 400],
    ['ProvisionedThroughputExceededException', 400],
    ['ConcurrentUpdateException', 400],
    ['ServerException', 500],
    ['TimeoutError', undefined],
    ['ECONNRESET', undefined],
  ])('%s (%p) is tried again', (name, status) => {
    expect(classifyAwsError('do it', awsError(name, status))).toBeInstanceOf(RetryableError);
  });
  it.each([
    ['AccessDeniedException', 400],
    ['SomethingElse', 403],
  ])('%s (%p) is a refusal', (name, status) => {
    expect(classifyAwsError('do it', awsError(name, status))).toBeInstanceOf(PermissionError);
  });
  it('that says the request is wrong is not repeated, and keeps what was done and its cause', () => {
    const cause = awsError('InvalidParameterException', 400);
    const error = classifyAwsError('set desired count', cause);
    expect(error).toBeInstanceOf(ActionFailedError);
    expect(error.message).toBe('set desired count: InvalidParameterException: no');
    expect(error.cause).toBe(cause);
  });
});
