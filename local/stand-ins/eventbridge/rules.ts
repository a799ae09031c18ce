/** Rules and targets, which the emulator keeps (CloudFormation makes them there), compiled and cached. */
import type { Gateway } from '../../gateway/gateway-types.ts';
import { AwsCallError } from '../../gateway/upstream.ts';
import type { WorldContext } from '../../world/types.ts';
import type { TargetInput } from './input.ts';
import { type CompiledPattern, compilePattern } from './pattern.ts';

export interface Target extends TargetInput {
  readonly Id: string;
  readonly Arn: string;
  readonly RetryPolicy?: { readonly MaximumRetryAttempts?: number; readonly MaximumEventAgeInSeconds?: number };
  readonly DeadLetterConfig?: { readonly Arn?: string };
  readonly SqsParameters?: { readonly MessageGroupId?: string };
}

export interface Rule {
  readonly name: string;
  readonly arn: string;
  readonly scheduleExpression?: string;
  /** Accepts nothing when the rule has no pattern. */
  readonly accepts: CompiledPattern;
  readonly targets: readonly Target[];
}

interface RuleReply {
  readonly Name: string;
  readonly Arn: string;
  readonly EventPattern?: string;
  readonly ScheduleExpression?: string;
  readonly State: string;
}

/** Stacks change inside the emulator, where nobody sees it: asked again after this. */
const FRESH_FOR_MS = 2_000;

export class Rules {
  readonly #world: WorldContext;
  readonly #gateway: Gateway;
  readonly #cache = new Map<string, { at: number; rules: Promise<readonly Rule[]> }>();

  constructor(world: WorldContext, gateway: Gateway) {
    this.#world = world;
    this.#gateway = gateway;
  }

  refresh(): void {
    this.#cache.clear();
  }

  /** Enabled rules of a bus; none when there is no such bus. @throws UpstreamUnreachable. */
  of(region: string, bus: string): Promise<readonly Rule[]> {
    // Rules live in the emulator: before it is up there are none.
    if (!this.#gateway.upstreamUrl) return Promise.resolve([]);
    const key = `${region} ${bus}`;
    const cached = this.#cache.get(key);
    if (cached && performance.now() - cached.at < FRESH_FOR_MS) return cached.rules;
    const rules = this.#fetch(region, bus);
    this.#cache.set(key, { at: performance.now(), rules });
    rules.catch(() => this.#cache.delete(key)); // Whoever asked gets the error; the next one asks again.
    return rules;
  }

  async #fetch(region: string, bus: string): Promise<readonly Rule[]> {
    try {
      const found = await this.#list<RuleReply>(region, 'ListRules', 'Rules', { EventBusName: bus });
      const enabled = found.filter(({ State }) => State !== 'DISABLED');
      return await Promise.all(enabled.map((rule) => this.#complete(region, bus, rule)));
    } catch (error) {
      if (error instanceof AwsCallError && error.code.startsWith('ResourceNotFound')) return [];
      throw error;
    }
  }

  async #complete(region: string, bus: string, rule: RuleReply): Promise<Rule> {
    const targets = await this.#list<Target>(region, 'ListTargetsByRule', 'Targets', {
      EventBusName: bus,
      Rule: rule.Name,
    });
    return {
      name: rule.Name,
      arn: rule.Arn,
      ...(rule.ScheduleExpression ? { scheduleExpression: rule.ScheduleExpression } : {}),
      accepts: this.#compile(rule),
      targets,
    };
  }

  #compile({ Name, EventPattern }: RuleReply): CompiledPattern {
    if (!EventPattern) return () => false;
    try {
      return compilePattern(EventPattern);
    } catch (error) {
      // AWS would have refused the rule; the emulator took it.
      this.#world.log(
        'eventbridge',
        `rule ${Name} never matches: ${error instanceof Error ? error.message : String(error)}`,
      );
      return () => false;
    }
  }

  async #list<T>(region: string, operation: string, member: string, body: Record<string, unknown>): Promise<T[]> {
    const all: T[] = [];
    let next: string | undefined;
    do {
      const reply = (await this.#gateway.askEmulator({
        service: 'events',
        region,
        target: `AWSEvents.${operation}`,
        body: { ...body, ...(next ? { NextToken: next } : {}) },
      })) as Record<string, unknown> & { NextToken?: string };
      all.push(...((reply[member] as T[] | undefined) ?? []));
      next = reply.NextToken;
    } while (next);
    return all;
  }
}
