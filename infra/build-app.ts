/** Builds the CDK app from a checked configuration; `app.ts` is the command around it. */

import type { App } from 'aws-cdk-lib/core';
import { type BundleEntry, bundle } from './bundle.ts';
import { ARCHIVER, archiveConfigOf } from './config/archive.ts';
import { authorityUnits } from './config/authority.ts';
import { ROUTE53_METRICS_REGION } from './config/endpoints.ts';
import { asGiven, ConfigurationError, unknownName } from './config/faults.ts';
import { hasHeartbeat } from './config/heartbeat.ts';
import { jobSubjects } from './config/jobs.ts';
import { NOTIFICATION_FUNCTIONS, notifyConfigOf } from './config/notifications.ts';
import type { ParsedConfig } from './config/parse.ts';
import { LINKS_FUNCTION, linksConfigOf } from './config/people.ts';
import { deployedManifests } from './config/runtime.ts';
import { hasEndpointsElsewhere } from './constructs/endpoint-alarms.ts';
import { helpersOf, type Units } from './discover.ts';
import { EndpointStack } from './stacks/endpoint-stack.ts';
import { ResponseStack } from './stacks/response-stack.ts';
import { StandbyStack } from './stacks/standby-stack.ts';

export interface BuildOptions extends ParsedConfig {
  readonly units: Units;
}

/** Adds the stacks to an app. Assets are staged by then: nothing temporary is left. @returns the one that answers alarms. */
export function buildApp(app: App, { config, runtime, units }: BuildOptions): ResponseStack {
  const bundles = bundle(entriesOf({ config, runtime, units }), runtime);
  try {
    const account = process.env.CDK_DEFAULT_ACCOUNT;
    const stack = new ResponseStack(app, `nightshift-${config.name}`, {
      config,
      runtime,
      units,
      folderOf: bundles.folderOf,
      env: { region: config.region, ...(account ? { account } : {}) },
    });
    new StandbyStack(app, `nightshift-${config.name}-standby`, {
      config,
      env: { region: config.standbyRegion, ...(account ? { account } : {}) },
    });
    if (config.standbyRegion !== ROUTE53_METRICS_REGION && hasEndpointsElsewhere(config))
      new EndpointStack(app, `nightshift-${config.name}-endpoints`, {
        config,
        env: { region: ROUTE53_METRICS_REGION, ...(account ? { account } : {}) },
      });
    return stack;
  } finally {
    bundles.remove();
  }
}

/** The functions that are deployed: remediations with something to protect, and the incident process. */
export function entriesOf({ config, units }: BuildOptions): BundleEntry[] {
  const deployed = new Set(
    deployedManifests(
      config,
      units.remediations.map((unit) => unit.manifest),
    ),
  );
  const remediations = units.remediations.filter((unit) => deployed.has(unit.manifest));
  const channels = notifyConfigOf(config);
  const links = linksConfigOf(config);
  const incidentFunctions = units.incidentFunctions.filter(
    ({ manifest: { name } }) =>
      (channels || !NOTIFICATION_FUNCTIONS.includes(name)) && (links || name !== LINKS_FUNCTION),
  );
  const jobs = units.jobs.filter(({ manifest }) => jobSubjects(manifest, config).length > 0);
  const heartbeats = hasHeartbeat(config) ? units.heartbeats : [];
  const plans = chosenPlans(config.plans, units);
  const helpers = helpersOf({ jobs, plans });
  const authority = authorityUnits(units.authority, config);
  return [...remediations, ...incidentFunctions, ...jobs, ...helpers, ...plans, ...heartbeats, ...authority].map(
    ({ manifest: { name }, handler }) => ({
      name,
      handler,
      ...(name === 'notify' && channels ? { files: { 'channels.json': JSON.stringify(channels) } } : {}),
      ...(name === LINKS_FUNCTION && links ? { files: { 'links.json': JSON.stringify(links) } } : {}),
      ...(name === ARCHIVER ? { files: { 'archive.json': JSON.stringify(archiveConfigOf(config)) } } : {}),
    }),
  );
}

/** @throws ConfigurationError for a plan that doesn't exist. */
function chosenPlans(names: readonly string[], { plans }: Units): Units['plans'] {
  const known = plans.map(({ manifest }) => manifest.name);
  const faults = names.flatMap((name, index) =>
    known.includes(name) ? [] : [{ path: `plans[${index}]`, given: asGiven(name), expected: unknownName(name, known) }],
  );
  if (faults.length > 0) throw new ConfigurationError('the configuration', faults);
  return plans.filter(({ manifest }) => names.includes(manifest.name));
}

/** Lines for whoever synthesizes: what will change things by itself, and what will ask. */
export function autoLines({ config, runtime }: ParsedConfig): string[] {
  return Object.entries(runtime.runbooks).flatMap(([name, { mode }]) => {
    const line = config.runbooks[name]?.mode === mode ? `runbooks.${name}.mode` : 'mode';
    if (mode === 'auto') return [`${name} acts by itself: ${line} is 'auto'.`];
    return mode === 'approve' ? [`${name} asks before it acts: ${line} is 'approve'.`] : [];
  });
}
