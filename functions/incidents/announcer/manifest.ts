import { defineIncidentFunction } from '../manifest.ts';

export const manifest = defineIncidentFunction({
  name: 'announcer',
  summary: "Reads the journal from its stream and puts what people care about on Nightshift's own event bus.",
  permissions: [],
  timeoutSeconds: 60,
  memoryMegabytes: 512,
});
