/** Which route of an HTTP API a request takes ("Create routes for HTTP APIs"). Pure. */

export interface Route {
  /** `GET /act/{token}`, `ANY /x`, or `$default`. */
  readonly key: string;
  readonly integration: string;
}

export interface Chosen {
  readonly route: Route;
  readonly parameters: Readonly<Record<string, string>>;
}

/** A route of the method comes before one of any method, `$default` last. */
export function chooseRoute(routes: readonly Route[], method: string, path: string): Chosen | undefined {
  for (const wanted of [method, 'ANY']) {
    for (const route of routes) {
      const [verb, pattern = ''] = route.key.split(' ');
      const parameters = verb === wanted ? match(pattern, path) : undefined;
      if (parameters) return { route, parameters };
    }
  }
  const otherwise = routes.find(({ key }) => key === '$default');
  return otherwise && { route: otherwise, parameters: {} };
}

function match(pattern: string, path: string): Record<string, string> | undefined {
  const [wanted, given] = [pattern.split('/'), path.split('/')];
  if (wanted.length !== given.length) return undefined;
  const parameters: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const value = given[index] ?? '';
    const name = /^\{(\w+)\}$/.exec(part)?.[1];
    if (name && value !== '') parameters[name] = value;
    else if (part !== value) return undefined;
  }
  return parameters;
}
