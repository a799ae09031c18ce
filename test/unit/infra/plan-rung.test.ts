import { describe, expect, it } from '@jest/globals';
import { buildStack, grantsOf, resourcesOf } from './stack-fixture.ts';

const built = (plansByAlarm: string[]) =>
  buildStack((config) => ({ ...config, plans: ['service-recovery'], plansByAlarm }));
const rungIn = (stack: ReturnType<typeof built>) =>
  resourcesOf(stack, 'AWS::Lambda::Function').find(
    ({ properties }) => properties.FunctionName === 'nightshift-main-recover-service',
  );

describe('a rung that starts a recovery plan', () => {
  const deployed = built(['service-recovery']);

  it('knows that plan’s state machine, and may start it and no other', () => {
    const machine = 'arn:aws:states:us-east-1:111122223333:stateMachine:nightshift-main-service-recovery';
    expect(rungIn(deployed)?.properties.Environment).toMatchObject({
      Variables: { NIGHTSHIFT_MACHINES: JSON.stringify({ 'service-recovery': machine }) },
    });
    const grants = grantsOf(deployed, 'recoverservice').filter((grant) => !/ (logs|sqs|dynamodb):/.test(grant));
    expect(grants).toEqual([`Allow states:StartExecution on ${machine}`]);
  });

  it('isn’t there where no alarm may start it', () => {
    expect(rungIn(built([]))).toBeUndefined();
  });
});
