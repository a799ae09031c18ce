/** The demo, with a second channel whose vendor always refuses, and backstops that wait less, so that a test needn't. */
import { defineConfig } from '../../infra/config/schema.ts';
import demo from '../../local/demo.config.ts';

export const CHAT_URL_PARAMETER = '/nightshift/demo/chat-url';

export default defineConfig({
  ...demo,
  channels: {
    ...demo.channels,
    chat: { kind: 'slack', webhookSecretArn: `arn:aws:ssm:us-east-1:000000000000:parameter${CHAT_URL_PARAMETER}` },
  },
  routing: [{ channels: ['team', 'chat'] }],
  verifyWithinSeconds: 30,
  backstopMarginSeconds: 0,
});
