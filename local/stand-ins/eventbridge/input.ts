/** What a target gets: the event, a part of it, a constant, or a text made from it (EventBridge user guide, "Amazon EventBridge input transformation"). */

export interface TargetInput {
  readonly Input?: string;
  readonly InputPath?: string;
  readonly InputTransformer?: {
    readonly InputPathsMap?: Readonly<Record<string, string>>;
    readonly InputTemplate: string;
  };
}

export interface RuleIdentity {
  readonly name: string;
  readonly arn: string;
}

/** `$.detail.name`, `$.resources[0]`, `$['detail-type']`: the part of JSON path that EventBridge documents. Nothing when it isn't there. */
export function jsonPath(path: string, value: unknown): unknown {
  const steps = path.replace(/^\$/, '').match(/\.[^.[\]]+|\[\d+\]|\['[^']+'\]|\["[^"]+"\]/g) ?? [];
  return steps.reduce<unknown>((at, step) => {
    if (at === null || typeof at !== 'object') return undefined;
    const key = step.startsWith('.') ? step.slice(1) : step.slice(1, -1).replace(/^['"]|['"]$/g, '');
    return (at as Record<string, unknown>)[key];
  }, value);
}

function reserved(event: Readonly<Record<string, unknown>>, rule: RuleIdentity): Record<string, unknown> {
  const { detail: _, ...withoutDetail } = event;
  return {
    'aws.events.rule-arn': rule.arn,
    'aws.events.rule-name': rule.name,
    'aws.events.event.ingestion-time': event.time,
    'aws.events.event': withoutDetail,
    'aws.events.event.json': event,
  };
}

/** Inside quotes a value loses its own quotes; outside it is JSON. */
function inserted(value: unknown, isQuoted: boolean): string {
  if (value === undefined) return isQuoted ? '' : '""';
  if (!isQuoted) return JSON.stringify(value);
  if (typeof value === 'string') return JSON.stringify(value).slice(1, -1);
  return JSON.stringify(value).replaceAll('"', '');
}

/** Fills in `<name>` wherever it is a known variable, minding whether it stands inside quotes. */
function fill(template: string, values: Readonly<Record<string, unknown>>): string {
  let isQuoted = false;
  return template.replace(/\\.|"|<([^<>"]+)>/g, (part, name: string | undefined) => {
    if (part === '"') isQuoted = !isQuoted;
    if (name === undefined || !Object.hasOwn(values, name)) return part;
    return inserted(values[name], isQuoted);
  });
}

/** The text that is delivered. */
export function targetInput(target: TargetInput, event: Readonly<Record<string, unknown>>, rule: RuleIdentity): string {
  if (target.Input !== undefined) return target.Input;
  if (target.InputPath !== undefined) return JSON.stringify(jsonPath(target.InputPath, event) ?? {});
  if (!target.InputTransformer) return JSON.stringify(event);
  const { InputPathsMap = {}, InputTemplate } = target.InputTransformer;
  const fromEvent = Object.entries(InputPathsMap).map(([name, path]) => [name, jsonPath(path, event)] as const);
  const known = fromEvent.filter(([, value]) => value !== undefined);
  return fill(InputTemplate, {
    ...Object.fromEntries(fromEvent),
    ...Object.fromEntries(known),
    ...reserved(event, rule),
  });
}
