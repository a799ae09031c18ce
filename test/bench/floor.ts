/** The floor: a handler with the same SDK clients that does nothing. Pure. */

/** Everything that our sources take from an SDK client, by client: `import { A, type B, C } from '@aws-sdk/client-ecs'` gives A and C. */
export function sdkImportsOf(sources: readonly string[]): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  for (const source of sources)
    for (const [, names = '', client = ''] of source.matchAll(
      /import\s*\{([^}]*)\}\s*from\s*'(@aws-sdk\/client-[^']+)'/g,
    ))
      for (const name of names.split(',').map((each) => each.trim()))
        if (name !== '' && !name.startsWith('type ')) found.set(client, (found.get(client) ?? new Set()).add(name));
  return found;
}

/** A handler that makes the same clients and can send the same commands, and does nothing else. */
export function bareHandler(imports: ReadonlyMap<string, ReadonlySet<string>>): string {
  const lines = [...imports].map(([client, names]) => `import { ${[...names].sort().join(', ')} } from '${client}';`);
  const all = [...imports.values()].flatMap((names) => [...names]).sort();
  const clients = all.filter((name) => name.endsWith('Client')).map((name) => `new ${name}({})`);
  return `${lines.join('\n')}
const clients = [${clients.join(', ')}];
const others = { ${all.filter((name) => !name.endsWith('Client')).join(', ')} };
export const handler = async (event: { client: number; name: keyof typeof others; input: object }) =>
  // @ts-ignore: which of them doesn't matter.
  clients[event.client]?.send(new others[event.name](event.input));
`;
}
