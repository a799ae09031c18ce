/** How the source runbooks lead an incident. */
import { type Row, row } from '../rows.ts';

export const incidents: readonly Row[] = [
  row('7a/severity-P0', '001 002', 'total outage or loss: called at once', 'severities'),
  row('7a/severity-P1', '000 001 002', 'a major function is down: five minutes', 'ladder'),
  row('7a/severity-P2', '000 001', 'degraded: a quarter of an hour', 'ladder'),
  row('7a/severity-P3', '000 001', 'minor: an hour', 'ladder'),
  row('7a/severity-P4', '000', 'cosmetic: next working day', 'ladder'),
  row('7a/impact-levels', '003 004', 'how much it hurts decides the level', 'ladder'),
  row('7b/alert-routing', '000 001 002', 'who hears of which alarm', 'ladder'),
  row('7b/alert-response-flow', '000 001 002', 'from the call to the closing', 'ladder'),
  row('7b/incident-channel', '000 001 002', 'one place where an incident is discussed', 'channels'),
  row('7b/escalation-ladder', '000 001 002 003', 'who is called next, and when', 'ladder'),
  row('7b/on-call-roles', '001 002 003', 'who is on call, and who leads', 'proof'),
  row('7b/management-notice', '001 003', 'management hears of long outages', 'proof'),
  row('7b/status-cadence', '000 001 002 003', 'news at fixed times', 'channels'),
  row('7b/template-initial', '001 002', 'the first message', 'proof'),
  row('7b/template-update', '002', 'the messages in between', 'proof'),
  row('7b/template-resolved', '001 002', 'the last message', 'proof'),
  row('7b/all-clear', '003', 'everybody is told that it is over', 'channels'),
  row('7b/postmortem-deadline', '000 001 002 003', 'a review within its time', 'reports'),
  row('7b/postmortem-template', '001 002 003', 'a review with all its parts', 'reports'),
  row('7b/follow-up-tasks', '001 002 003', 'what is to be done afterwards', 'people'),
  row('7b/on-call-handoff', '000 002', 'what the next one on call must know', 'proof'),
  row('7b/contacts-directory', '000 001 002 003', 'who is reached how', 'proof'),
];
