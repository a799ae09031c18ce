/**
 * The CDK app. `cdk synth -c config=<path>` takes another configuration than ./nightshift.config.ts.
 * A configuration or unit with faults is told in full, without a stack trace, and exits with 2.
 */
import { App, Validations } from 'aws-cdk-lib/core';
import { autoLines, buildApp } from './build-app.ts';
import { ConfigurationError } from './config/faults.ts';
import { loadConfig } from './config/load.ts';
import { DiscoveryError, discover } from './discover.ts';

async function main(): Promise<void> {
  const app = new App({ analyticsReporting: false });
  const context: unknown = app.node.tryGetContext('config');
  const path = typeof context === 'string' ? context : 'nightshift.config.ts';
  const units = await discover();
  const parsed = await loadConfig(
    path,
    units.remediations.map((unit) => unit.manifest),
    units.jobs.map((unit) => unit.manifest.name),
  );
  for (const line of autoLines(parsed)) process.stderr.write(`${line}\n`);
  buildApp(app, { ...parsed, units });
  await addChecks(app);
  app.synth();
}

/** cdk-nag fails the synthesis for whatever isn't acknowledged with a reason. Loaded only when used: it costs a quarter of a second. */
async function addChecks(app: App): Promise<void> {
  if (app.node.tryGetContext('nightshift:checks') === 'off') return;
  const { AwsSolutionsChecks } = await import('cdk-nag');
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
}

main().catch((error: unknown) => {
  if (!(error instanceof ConfigurationError || error instanceof DiscoveryError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
});
