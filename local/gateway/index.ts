/** What the rest of the local world uses of the gateway. */
export type { Gateway } from './gateway-types.ts';
export { escapeXml, faultReply, jsonReply, xmlReply } from './reply.ts';
export { startGateway } from './server.ts';
export { AwsCallError, UpstreamUnreachable } from './upstream.ts';
