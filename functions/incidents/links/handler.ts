/** The Lambda entry of the public endpoint. Nothing that comes in is logged: addresses hold tokens. */
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import middy from '@middy/core';
import type { Context as LambdaContext } from 'aws-lambda';
import { clientDefaults } from '../../engine/clients.ts';
import { runtimeConfig } from '../../engine/config.ts';
import { ActionFailedError, classifyAwsError } from '../../engine/errors.ts';
import { requiredEnvironment } from '../../engine/handler.ts';
import { measure } from '../../engine/metrics.ts';
import { Store } from '../../engine/store.ts';
import { Secrets } from '../secrets.ts';
import { answer, type LinksContext } from './answer.ts';
import { linksConfig } from './config.ts';
import { LinkKeys } from './keys.ts';
import type { HttpResponse } from './respond.ts';

/** Kept for the next invocation: clients, and secrets for some minutes. */
let kept: LinksContext | undefined;

function makeContext(): LinksContext {
  const config = linksConfig();
  const secrets = new Secrets();
  const lambda = new LambdaClient(clientDefaults());
  const functions = JSON.parse(requiredEnvironment('NIGHTSHIFT_FUNCTIONS')) as Record<string, string>;
  return {
    config,
    secrets,
    keys: new LinkKeys(secrets, config.signingSecretArn),
    store: new Store(requiredEnvironment('NIGHTSHIFT_TABLE')),
    now: Date.now,
    people: runtimeConfig().people,
    order: async (remediation, payload) => {
      const FunctionName = functions[remediation];
      if (!FunctionName) throw new ActionFailedError(`${remediation} isn't deployed any more`);
      try {
        await lambda.send(
          new InvokeCommand({ FunctionName, InvocationType: 'Event', Payload: JSON.stringify(payload) }),
        );
      } catch (error) {
        throw classifyAwsError(`invoke ${remediation}`, error);
      }
    },
  };
}

export const handler = middy<unknown, HttpResponse, Error, LambdaContext>().handler(async (event) => {
  kept ??= makeContext();
  const answered = await answer(event, kept);
  measure(runtimeConfig().name, [
    { name: 'LinkAnswers', value: 1, dimensions: { Status: String(answered.statusCode) } },
  ]);
  return answered;
});
