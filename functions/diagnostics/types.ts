/** What is looked at when an incident goes to a person, and what is concluded from it: plain data. */

/** Something that AWS said of a target. */
export interface Told {
  /** Epoch milliseconds. */
  readonly atMs: number;
  readonly message: string;
}

export interface StoppedContainer {
  readonly name: string;
  readonly image: string;
  readonly exitCode?: number;
  /** Why it ended, where ECS says more than its exit code (API page "Container"). */
  readonly reason?: string;
}

export interface StoppedTask {
  /** Epoch milliseconds. */
  readonly atMs: number;
  /** API page "Task": `TaskFailedToStart`, `EssentialContainerExited`, ... */
  readonly stopCode: string;
  readonly reason: string;
  readonly containers: readonly StoppedContainer[];
}

export interface DeploymentSeen {
  readonly primary: boolean;
  /** `backend:7`. */
  readonly revision: string;
  readonly rolloutState: 'IN_PROGRESS' | 'COMPLETED' | 'FAILED';
  readonly reason: string;
  readonly failedTasks: number;
  /** Epoch milliseconds. */
  readonly createdAtMs: number;
}

export interface ServiceSeen {
  readonly kind: 'service';
  readonly name: string;
  readonly desired: number;
  readonly running: number;
  readonly pending: number;
  readonly deployments: readonly DeploymentSeen[];
  /** Of the last hour, newest first. */
  readonly events: readonly Told[];
  /** Of the last hour, newest first. */
  readonly stopped: readonly StoppedTask[];
  /** They couldn't be read: none of them is told, which doesn't mean that there are none. */
  readonly stoppedUnread?: true;
  /** Targets that its load balancer finds healthy; undefined where it has none, or CloudWatch tells nothing. */
  readonly healthyTargets?: number;
  /** Average share of what its tasks have, in percent, where CloudWatch tells it. */
  readonly use?: { readonly cpuPercent?: number; readonly memoryPercent?: number };
  /** What its clients got in the newest whole period, where a load balancer tells it. */
  readonly clients?: {
    readonly requestsPerMinute: number;
    /** Of its tasks' answers, 0 to 1; undefined without requests. */
    readonly failedShare?: number;
    readonly latencySeconds?: number;
  };
}

export interface DatabaseSeen {
  readonly kind: 'database';
  readonly name: string;
  /** "Viewing Amazon RDS DB instance status". */
  readonly status: string;
  /** Changes that wait for the maintenance window or a restart. */
  readonly pending: readonly string[];
  /** Of the last hour, newest first. */
  readonly events: readonly Told[];
}

export interface EndpointSeen {
  readonly kind: 'endpoint';
  readonly name: string;
  readonly sites: readonly { readonly name: string; readonly verdict: string; readonly told: string }[];
}

export type Seen =
  | ServiceSeen
  | DatabaseSeen
  | EndpointSeen
  | { readonly kind: 'missing'; readonly why: string }
  /** Nothing of AWS's is read for a target of its kind. */
  | { readonly kind: 'not-looked-at' };

/** A probable cause. */
export interface Finding {
  /** One plain sentence. */
  readonly cause: string;
  /** AWS's own words that it rests on, shortened, without secrets. */
  readonly evidence: readonly string[];
}
