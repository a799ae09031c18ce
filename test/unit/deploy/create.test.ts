import { describe, expect, it } from '@jest/globals';
import { createDeferred } from '../../../local/deploy/create.ts';

const options = { endpointUrl: 'http://127.0.0.1:1', region: 'us-east-1', outputs: {} };

describe('createDeferred', () => {
  it('stops before any call when a property would be lost on the way', async () => {
    const resource = {
      logicalId: 'Cpu',
      type: 'AWS::CloudWatch::Alarm',
      properties: { AlarmName: 'cpu', EvaluationWindow: {} },
    };
    await expect(createDeferred([resource], options)).rejects.toThrow(
      /Cpu \(AWS::CloudWatch::Alarm\): EvaluationWindow would be lost/,
    );
  });

  it('stops for a type that nothing here makes', async () => {
    const resource = { logicalId: 'Trail', type: 'AWS::CloudTrail::Trail', properties: {} };
    await expect(createDeferred([resource], options)).rejects.toThrow(
      'no way is known here to make AWS::CloudTrail::Trail',
    );
  });
});
