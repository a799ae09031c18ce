/** `nightshift.config.ts`, as a person writes it. */
import type { RemediationManifest } from '../../../functions/engine/manifest.ts';
import { ConfigurationError } from '../../../infra/config/faults.ts';
import { parseConfig } from '../../../infra/config/parse.ts';
import { configSchema } from '../../../infra/config/schema.ts';
import demo from '../../../local/demo.config.ts';
import example from '../../../nightshift.config.ts';
import type { Json } from '../mutate.ts';
import type { Surface } from '../surface.ts';

export const configuration = (manifests: readonly RemediationManifest[], jobs: readonly string[]): Surface => ({
  name: 'configuration',
  samples: [example, demo].map((config) => JSON.parse(JSON.stringify(config)) as Json),
  take: (input) => {
    const isSchemaValid = configSchema.safeParse(input).success;
    try {
      parseConfig(input, manifests, 'nightshift.config.ts', jobs);
      return { isSchemaValid, outcome: 'taken' };
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      return { isSchemaValid, outcome: 'faults are told' };
    }
  },
});
