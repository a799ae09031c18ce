/** Every runbook: import it, list it. A test compares the list with the folder. */
import type { Runbook } from '../functions/engine/runbook.ts';
import { runbook as addReadReplica } from './add-read-replica.ts';
import { runbook as endLongQueries } from './end-long-queries.ts';
import { runbook as failOverDatabase } from './fail-over-database.ts';
import { runbook as failOverDns } from './fail-over-dns.ts';
import { runbook as growStorage } from './grow-storage.ts';
import { runbook as highErrorRate } from './high-error-rate.ts';
import { runbook as raiseTaskResources } from './raise-task-resources.ts';
import { runbook as releaseIdleConnections } from './release-idle-connections.ts';
import { runbook as renewCertificate } from './renew-certificate.ts';
import { runbook as restartDatabase } from './restart-database.ts';
import { runbook as restartService } from './restart-service.ts';
import { runbook as rollBackDeployment } from './roll-back-deployment.ts';
import { runbook as scaleInService } from './scale-in-service.ts';
import { runbook as scaleOutService } from './scale-out-service.ts';
import { runbook as scaleUpDatabase } from './scale-up-database.ts';
import { runbook as snapshotDatabase } from './snapshot-database.ts';
import { runbook as stopUnhealthyTask } from './stop-unhealthy-task.ts';
import { runbook as vacuumAndAnalyze } from './vacuum-and-analyze.ts';

export const RUNBOOKS: readonly Runbook[] = [
  addReadReplica,
  endLongQueries,
  failOverDatabase,
  failOverDns,
  growStorage,
  highErrorRate,
  raiseTaskResources,
  releaseIdleConnections,
  renewCertificate,
  restartDatabase,
  restartService,
  rollBackDeployment,
  scaleInService,
  scaleOutService,
  scaleUpDatabase,
  snapshotDatabase,
  stopUnhealthyTask,
  vacuumAndAnalyze,
];
