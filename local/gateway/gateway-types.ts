/** What the gateway offers to the rest of the world. */
import type { Need } from '../iam/evaluate.ts';
import type { Iam } from '../iam/iam.ts';
import type { AwsCall, AwsReply, RecordedCall, StandIn } from '../world/types.ts';
import type { FaultBook } from './faults.ts';
import type { RawCall } from './parse.ts';
import type { TransactionSettings } from './transactions.ts';
import type { AwsRequest } from './upstream.ts';

export interface Gateway {
  /** `http://127.0.0.1:<port>`: what `AWS_ENDPOINT_URL` is set to. */
  readonly url: string;
  readonly port: number;
  /** The emulator's address; calls that no stand-in answers fail with 503 until it is set. */
  upstreamUrl: string | undefined;
  /** Serves HTTP APIs, below `/_aws/execute-api/<id>`; undefined in a world without Lambda. */
  httpApi: ((call: RawCall) => Promise<AwsReply>) | undefined;
  /** Asked before the emulator, in the order of registration, about calls of its services. */
  register(standIn: StandIn): void;
  /** Remembered calls, oldest first. */
  calls(): readonly RecordedCall[];
  /** Calls that ended from `position` on (0: the beginning), and the position to continue from: a slow call counts when it ends. */
  callsSince(position: number): { readonly calls: readonly RecordedCall[]; readonly next: number };
  /** @returns the function that ends listening. */
  onCall(listener: (call: RecordedCall) => void): () => void;
  readonly faults: FaultBook;
  readonly transactions: TransactionSettings;
  /** Holds functions to their roles' policies, once these are loaded. */
  readonly iam: Iam;
  /** Who is ended by a `kill-caller-after` fault: called after the effect and before the reply. */
  onKillCaller(listener: (call: AwsCall) => void): () => void;
  /** Names the caller behind an access key; it takes precedence over the application id, which a whole deployment may share. */
  nameCaller(accessKeyId: string, caller: string): void;
  /** Whether IAM lets the holder of an access key do something that isn't an API call, such as a database login. */
  permits(accessKeyId: string, region: string, need: Need): boolean;
  /**
   * Calls an AWS API as a service of AWS does (EventBridge delivering, Lambda sending to a destination): stand-ins first, then the emulator.
   * Neither recorded nor met by faults, except that a region that is cut off can't be reached.
   * @returns the reply's JSON, or its text when it isn't JSON. @throws AwsCallError, UpstreamUnreachable.
   */
  ask(asked: AwsRequest): Promise<unknown>;
  /** As `ask`, but of the emulator itself: for a stand-in that adds to what the emulator keeps. */
  askEmulator(asked: AwsRequest): Promise<unknown>;
  close(): Promise<void>;
}
