/** Endpoints in the configuration: a DNS record that sends everybody to one of several sites. */
import { isIPv4 } from 'node:net';
import { z } from 'zod';
import { asGiven, type Fault } from './faults.ts';

const seconds = (minimum: number, maximum: number) => z.int().min(minimum).max(maximum);
/** The ids are written into IAM resources: wildcards and separators have no place in them. */
const healthCheckId = z
  .string()
  .regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'the id of a Route 53 health check');
const zoneId = z.string().regex(/^Z[A-Z0-9]{1,31}$/, 'the id of a hosted zone such as Z0123456789ABCDEFGHIJ');
const hostName = z
  .string()
  .max(255)
  .regex(/^(\*\.)?([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)+[A-Za-z0-9-]+\.?$/, 'a full domain name');

const resolver = z
  .string()
  .regex(/^\d{1,3}(\.\d{1,3}){3}(:\d{1,5})?$/, 'an IPv4 address, and a port where that is not 53')
  .refine((text) => isIPv4(text.split(':')[0] ?? ''), 'an IPv4 address');

/** One place where the service runs. */
const siteSchema = z.strictObject({
  /** How it is named in timelines. */
  name: z.string().regex(/^[a-z][a-z0-9-]{0,30}$/, 'lower-case letters, digits and hyphens'),
  /** What the record says while everybody is sent here: an address, or a host name (CNAME, alias). */
  target: z.string().min(1).max(255),
  /** For an alias record: the hosted zone of what it points to, such as a load balancer's CanonicalHostedZoneID. */
  aliasZoneId: zoneId.optional(),
  /** Health check of this site alone, by an address of its own; it must not follow the record. */
  healthCheckId,
  /** Asked by Nightshift itself before anybody is sent here: 2xx or 3xx is well. Of this site alone, too. */
  probeUrl: z.url({ protocol: /^https?$/ }),
});

/** A service that users reach by one name at one of several sites. */
export const endpointSchema = z.strictObject({
  /** Hosted zone of the record. */
  zoneId,
  /** A simple record (no routing policy): where it has one, Route 53 fails over by itself. */
  recordName: hostName,
  /** No AAAA: the health check that follows a name asks by IPv4 ("HealthCheckConfig", Amazon Route 53 API Reference). */
  recordType: z.enum(['A', 'CNAME']).default('A'),
  /** Of the records that Nightshift writes: so long do resolvers keep sending users to the earlier site (runbook 003, lines 325: 60 s). */
  ttlSeconds: seconds(1, 3600).default(60),
  /** Health check of the record's own name, so of the site that users reach: its alarm starts the failover. */
  healthCheckId,
  /** The first is where everybody belongs; the others in the order in which they are tried. */
  sites: z.array(siteSchema).min(2).max(5),
  /** Resolvers that are asked what users get after a switch, by address (runbook 003, lines 416 to 418); none for a name that only some networks know. */
  resolvers: z.array(resolver).max(5).default(['8.8.8.8', '1.1.1.1']),
  /** How long the health check must be unhealthy. */
  unhealthyForSeconds: seconds(10, 86_400).default(120),
  /** How long the endpoint must have been well after a failover before everybody is sent back. */
  dwellSeconds: seconds(1, 86_400).default(1800),
  /** `auto`: back to the first site after `dwellSeconds`, when it is proved healthy. `person`: somebody moves the record back. */
  failBack: z.enum(['auto', 'person']).default('person'),
  severity: z.enum(['P1', 'P2', 'P3', 'P4']).default('P1'),
  /** Whether Nightshift makes the alarm on the health check. */
  createAlarms: z.boolean().default(true),
});

export type EndpointInput = z.input<typeof endpointSchema>;
type Endpoint = z.output<typeof endpointSchema>;
type Loose = { readonly [K in keyof Endpoint]?: Endpoint[K] | undefined };

/** "Monitoring health checks using CloudWatch": Route 53's metrics, and so alarms on them, are in this region only. */
export const ROUTE53_METRICS_REGION = 'us-east-1';

/** "Expanding cross-Region event routing with Amazon EventBridge" (AWS Compute Blog): between all regions but those of China and AWS GovCloud (US). */
const isCutOff = (region: string): boolean => /^(cn|us-gov|us-iso[a-z]*|eu-isoe)-/.test(region);

/** Cross-field faults of the endpoints. */
export function endpointFaults(endpoints: Readonly<Record<string, Loose>>, region: string | undefined): Fault[] {
  return Object.entries(endpoints).flatMap(([key, endpoint]) => {
    const at = `endpoints.${key}`;
    const { sites = [], recordType, createAlarms } = endpoint;
    const fault = (path: string, given: unknown, expected: string): Fault => ({
      path,
      given: asGiven(given),
      expected,
    });
    const twice = (field: 'name' | 'target' | 'healthCheckId') =>
      sites.flatMap((site, index) =>
        sites.findIndex((other) => other[field] === site[field]) < index
          ? [fault(`${at}.sites[${index}].${field}`, site[field], 'another than that of an earlier site')]
          : [],
      );
    const shared = sites.flatMap(({ healthCheckId: id }, index) =>
      id === endpoint.healthCheckId
        ? [
            fault(
              `${at}.sites[${index}].healthCheckId`,
              id,
              'one of the site alone, not the one that follows the record',
            ),
          ]
        : [],
    );
    const aliased = sites.flatMap(({ aliasZoneId }, index) =>
      recordType === 'CNAME' && aliasZoneId !== undefined
        ? [
            fault(
              `${at}.sites[${index}].aliasZoneId`,
              aliasZoneId,
              'no aliasZoneId for a CNAME: an alias is an A record',
            ),
          ]
        : [],
    );
    const unfit = sites.flatMap(({ target, aliasZoneId }, index) => {
      const [isAddress, path] = [isIPv4(target), `${at}.sites[${index}].target`];
      if (recordType === 'CNAME' && isAddress) return [fault(path, target, 'a host name, for a CNAME')];
      if (recordType !== 'CNAME' && aliasZoneId === undefined && !isAddress)
        return [fault(path, target, 'an IPv4 address, or the host name of an alias with its aliasZoneId')];
      return [];
    });
    const elsewhere =
      createAlarms !== false && region !== undefined && isCutOff(region)
        ? [
            fault(
              `${at}.createAlarms`,
              createAlarms,
              `false while region is '${region}': alarms on Route 53's metrics are in another region, and EventBridge brings no events from there (docs/endpoints.md)`,
            ),
          ]
        : [];
    return [
      ...twice('name'),
      ...twice('target'),
      ...twice('healthCheckId'),
      ...shared,
      ...aliased,
      ...unfit,
      ...elsewhere,
    ];
  });
}
