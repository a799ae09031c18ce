/**
 * IAM for functions: whatever a function of the deployed stack calls is held against its own role's policies, as on AWS. Callers without
 * a role here (people, the CDK CLI, AWS's own services) may do everything. What isn't evaluated is in docs/exact-permissions.md.
 */
import { refusedError } from '../gateway/error-codes.ts';
import type { AwsCall } from '../world/types.ts';
import { judge, type Need, type Verdict } from './evaluate.ts';
import { needsOf } from './needs.ts';
import type { Role } from './roles.ts';

export interface Refusal {
  readonly code: string;
  readonly status: number;
  readonly message: string;
}

interface Asked {
  readonly needs: readonly Need[];
  readonly refused: { readonly need: Need; readonly verdict: Verdict } | undefined;
  readonly known: boolean;
}

type Called = Pick<AwsCall, 'service' | 'region' | 'operation' | 'params' | 'caller'>;

/** Resources such as alarms have names without end. */
const MOST_VERDICTS = 10_000;

export class Iam {
  /** Off: needs are still found, but nothing is refused. */
  enforce = true;
  readonly #account: string;
  readonly #roles = new Map<string, Role>();
  readonly #asks = new WeakMap<Called, Asked>();
  readonly #verdicts = new Map<string, Verdict>();
  readonly #permits = new Map<string, { readonly caller: string; readonly needs: readonly Need[] }>();

  constructor(account: string) {
    this.#account = account;
  }

  /** From now on these functions have these roles. */
  load(roles: readonly Role[]): void {
    this.#verdicts.clear();
    for (const role of roles) for (const name of role.functions) this.#roles.set(name, role);
  }

  /** What a function's call asks of IAM; nothing for callers without a role. */
  needsOf(call: Called): readonly Need[] | undefined {
    return this.#ask(call)?.needs;
  }

  /** The error that AWS answers with when the caller's role doesn't allow the call. */
  refusalOf(call: Called): Refusal | undefined {
    const isMachine = call.caller.startsWith('stateMachine:');
    const asked = this.enforce || isMachine ? this.#ask(call) : undefined;
    // What a state machine does goes to the services themselves, so nothing else remembers it.
    if (asked && isMachine)
      for (const need of asked.needs)
        this.#permits.set(JSON.stringify([call.caller, need]), { caller: call.caller, needs: [need] });
    if (!this.enforce || !asked?.refused) return undefined;
    const { code, status } = refusedError(call.service, call.operation, call.caller);
    const { need, verdict } = asked.refused;
    const hint = asked.known ? '' : ' (the local world doesn’t know its resource: add it to local/iam/needs.ts)';
    return { code, status, message: `${this.#sentence(call.caller, need, verdict)}${hint}` };
  }

  /** Whether a function may do something that isn't an API call, such as a database login. Whoever has no role here may. */
  permits(functionName: string, region: string, asked: Need): boolean {
    const role = this.#roles.get(functionName);
    if (!role) return true;
    const need = this.#given(functionName, region, asked);
    this.#permits.set(JSON.stringify([functionName, need]), { caller: functionName, needs: [need] });
    return !this.enforce || judge(role.statements, need) === 'allowed';
  }

  /** What `permits` was asked for so far, each thing once; API calls are with the gateway's recorded calls. */
  asked(): readonly { readonly caller: string; readonly needs: readonly Need[] }[] {
    return [...this.#permits.values()];
  }

  /** Found once for each call: the gateway records it and holds the call to it. */
  #ask(call: Called): Asked | undefined {
    const role = this.#roles.get(call.caller);
    if (!role) return undefined;
    const found = this.#asks.get(call);
    if (found) return found;
    const { needs, known } = needsOf(call, this.#account);
    const given = needs.map((need) => this.#given(call.caller, call.region, need));
    const verdicts = given.map((need) => ({ need, verdict: this.#judge(role, need) }));
    const asked = { needs: given, known, refused: verdicts.find(({ verdict }) => verdict !== 'allowed') };
    this.#asks.set(call, asked);
    return asked;
  }

  /** The same few questions come again and again, and policies don't change; only what a call itself tells may differ. */
  #judge(role: Role, need: Need): Verdict {
    const key = `${role.logicalId} ${JSON.stringify(need)}`;
    const known = this.#verdicts.get(key);
    if (known) return known;
    if (this.#verdicts.size >= MOST_VERDICTS) this.#verdicts.clear();
    const verdict = judge(role.statements, need);
    this.#verdicts.set(key, verdict);
    return verdict;
  }

  /** With what is set for every call from a function's code ("Using source function ARN to control function access behavior"). */
  #given(functionName: string, region: string, need: Need): Need {
    const source = `arn:aws:lambda:${region}:${this.#account}:function:${functionName}`;
    return { ...need, context: { 'lambda:SourceFunctionArn': source, ...need.context } };
  }

  /** "Troubleshoot access denied error messages", IAM User Guide. */
  #sentence(caller: string, { action, resource }: Need, verdict: Verdict): string {
    const who = `arn:aws:sts::${this.#account}:assumed-role/${caller}/local`;
    const where = resource === '*' ? '' : ` on resource: ${resource}`;
    const why =
      verdict === 'denied'
        ? 'with an explicit deny in an identity-based policy'
        : `because no identity-based policy allows the ${action} action`;
    return `User: ${who} is not authorized to perform: ${action}${where} ${why}`;
  }
}
