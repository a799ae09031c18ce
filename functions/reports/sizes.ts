/** Whether what tasks are given fits what they use (runbook 000, line 177: requests and limits, once a month). Pure. */
import type { ServiceFacts, Use } from './facts.ts';
import type { Section } from './model.ts';
import { percentText, UNKNOWN } from './words.ts';

/** In percent of what a task is given, of the busiest hour: above it is short, with both below it could be half as large and still have room. */
const SHORT = { cpu: 80, memory: 90 } as const;
const HALF_WOULD_DO = 40;

/** "Amazon ECS service utilization metrics": CPU and memory in use, in percent of what the task definition gives. */
export function sizesSection(services: readonly ServiceFacts[]): Section {
  const title = 'Sizes of tasks';
  if (services.length === 0) return { title, says: ['No service is protected.'] };
  return {
    title,
    says: [
      'By the average of all tasks in the busiest hour, in percent of what a task is given: shorter peaks, and one task that uses more than the others, don’t show.',
    ],
    table: {
      columns: ['Service', 'CPU', 'Memory', 'Advice'],
      rows: services.map(({ name, cpu, memory }) => [name, highest(cpu), highest(memory), adviceOn(cpu, memory)]),
    },
  };
}

const highest = ({ highest: value }: Use): string => (value === undefined ? UNKNOWN : percentText(value, 0));

/** What a person may want to change. @param cpu and memory in percent of what a task is given. */
export function adviceOn({ highest: cpu }: Use, { highest: memory }: Use): string {
  const short = [
    ...(cpu !== undefined && cpu > SHORT.cpu ? ['CPU'] : []),
    ...(memory !== undefined && memory > SHORT.memory ? ['memory'] : []),
  ];
  if (short.length > 0) return `${short.join(' and ')} ${short.length > 1 ? 'are' : 'is'} short`;
  if (cpu === undefined || memory === undefined) return UNKNOWN;
  return cpu < HALF_WOULD_DO && memory < HALF_WOULD_DO ? 'tasks of half the size would do' : 'fits';
}
