/**
 * Who acts on a database of a pair: its own remediations only while the standby's region grants it time to write, which a failover ends first (docs/decisions/0251). So the two never act on one
 * database at once, also where the primary is slow and not dead.
 */
import { marshall } from './attributes.ts';
import type { RuntimeConfig } from './config.ts';
import { authorityKey } from './items.ts';
import type { Labelled } from './store.ts';
import { signed } from './writes.ts';

const DATABASE = 'rds-instance/';

/** The target of a database by its key in the configuration. */
export const databaseTarget = (name: string): string => `${DATABASE}${name}`;

/** Refuses (label `authority`) unless the database may be acted on for as long as the action's lease; nothing for what needs no authority. @param leaseUntil epoch milliseconds. */
export function checkAuthority(
  table: string,
  { databases }: Pick<RuntimeConfig, 'databases'>,
  target: string,
  leaseUntil: number,
): Labelled[] {
  const database = target.startsWith(DATABASE) ? databases[target.slice(DATABASE.length)] : undefined;
  if (!database?.authority) return [];
  return [
    signed('authority', {
      ConditionCheck: {
        TableName: table,
        Key: marshall(authorityKey(target)),
        ConditionExpression: '#until > :lease',
        // A reserved word ("Reserved words in DynamoDB").
        ExpressionAttributeNames: { '#until': 'until' },
        ExpressionAttributeValues: marshall({ ':lease': leaseUntil }),
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      },
    }),
  ];
}

/** What was granted last; never less than was known before. */
export const noteAuthority = (table: string, database: string, until: number): Labelled =>
  signed('authority', {
    Update: {
      TableName: table,
      Key: marshall(authorityKey(databaseTarget(database))),
      UpdateExpression: 'SET #until = :until',
      ConditionExpression: 'attribute_not_exists(pk) OR #until < :until',
      ExpressionAttributeNames: { '#until': 'until' },
      ExpressionAttributeValues: marshall({ ':until': until }),
    },
  });
