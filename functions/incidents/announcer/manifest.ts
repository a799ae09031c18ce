import { defineIncidentFunction } from '../manifest.ts';

export const manifest = defineIncidentFunction({
  name: 'announcer',
  summary:
    "Reads the journal from its stream, chains its entries, and puts what people care about on Nightshift's own bus.",
  permissions: [],
  timeoutSeconds: 60,
  memoryMegabytes: 512,
});
