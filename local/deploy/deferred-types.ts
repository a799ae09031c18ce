/**
 * The one list of resource types that the emulator doesn't create in the local world, each with its reason. Whatever isn't listed goes
 * through the real `cdk deploy`; what that doesn't support fails the deployment. Production stacks know nothing of this.
 */
export interface DeferredType {
  /** `created`: made right after the deployment by the same AWS API that CloudFormation would call. `left-out`: has no counterpart here. */
  readonly how: 'created' | 'left-out';
  /** Why, as a sentence that is printed. */
  readonly reason: string;
}

export const DEFERRED_TYPES: Readonly<Record<string, DeferredType>> = {
  'AWS::Lambda::EventInvokeConfig': {
    how: 'created',
    reason: 'Retries and failure destinations are run by the local Lambda, which learns them from the API call.',
  },
  'AWS::Lambda::EventSourceMapping': {
    how: 'created',
    reason: 'Streams are followed by the local event sources: the emulator does not retry partial failures.',
  },
  'AWS::Scheduler::Schedule': {
    how: 'created',
    reason: 'Schedules are run by the local Scheduler: the emulator has no retries, dead-letter queues or time zones.',
  },
  'AWS::StepFunctions::StateMachine': {
    how: 'created',
    reason:
      'State machines are run by the local Step Functions: the emulator ignores time limits, error names and most of JSONata.',
  },
  'AWS::CloudWatch::Alarm': {
    how: 'created',
    reason: 'Alarms are evaluated by the local CloudWatch: the emulator ignores dimensions, periods and missing data.',
  },
  'AWS::CloudWatch::Dashboard': {
    how: 'created',
    reason:
      'Dashboards are kept by the local CloudWatch, as metrics and alarms are; there is no console that would show them.',
  },
  'AWS::EC2::SecurityGroupIngress': {
    how: 'left-out',
    reason: 'There is no VPC here: processes reach each other over the loopback interface.',
  },
  'AWS::EC2::SecurityGroupEgress': {
    how: 'left-out',
    reason: 'There is no VPC here: processes reach each other over the loopback interface.',
  },
};
