/**
 * DynamoDB's typed values to plain ones and back: the one place that calls the SDK's marshalling, so that all of the journal is written by the same rules
 * (docs/decisions/0265-the-sdks-marshalling-in-one-place.md).
 */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import * as sdk from '@aws-sdk/util-dynamodb';

type Attributes = Record<string, AttributeValue>;

/**
 * An item, a key or an expression's values as DynamoDB takes them. What is undefined is left out, in lists and maps inside as well (and so are functions).
 * @throws Error for what can't be kept, such as a Date, an empty set, or a number that JavaScript doesn't hold exactly.
 */
export const marshall = (item: object): Attributes => sdk.marshall(item, { removeUndefinedValues: true });

/**
 * An item as DynamoDB gives it, in plain values; a whole number that JavaScript doesn't hold exactly becomes a bigint.
 * @throws Error for a decimal number that JavaScript doesn't hold exactly.
 */
export const unmarshall = (attributes: Attributes): Record<string, unknown> => sdk.unmarshall(attributes);
