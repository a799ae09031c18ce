import { defineIncidentFunction } from '../manifest.ts';

export const manifest = defineIncidentFunction({
  name: 'publisher',
  summary: 'Reads the journal from its stream and pages a person for every escalation, with the story so far.',
  permissions: [],
  timeoutSeconds: 30,
  memoryMegabytes: 512,
});
