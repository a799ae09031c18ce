/** The AWS side of `recover-service`: one execution of the plan's state machine. */
import { ofService } from '../../ecs/target.ts';
import type { ServiceConfig } from '../../engine/config.ts';
import { remediationHandler } from '../../engine/handler.ts';
import type { Remediation } from '../../engine/remediation.ts';
import type { PlanSeen } from '../../plan-rungs/decide.ts';
import { readPlanRun, startRun } from '../../plan-rungs/start.ts';
import { alreadyApplied, decide, verify } from './decide.ts';
import { manifest } from './manifest.ts';

const RUNG = { name: manifest.name, plan: manifest.startsPlan };
const keyOf = ({ cluster, service }: ServiceConfig): string => `ecs-service/${cluster}/${service}`;

export const remediation: Remediation<ServiceConfig, PlanSeen> = {
  manifest,
  // The plan's steps would be held for the same reason: new tasks of a service whose database is in trouble are no better.
  ...ofService,
  observe: (target) => readPlanRun(keyOf(target), RUNG),
  decide,
  act: (target, change) => startRun(keyOf(target), change, RUNG),
  alreadyApplied,
  verify,
};

export const handler = remediationHandler(remediation);
