/** Dashboards as CloudWatch takes them (API pages "PutDashboard", "GetDashboard", "Dashboard body structure and syntax"): kept and judged, shown nowhere. */
import type { GetDashboardInput, PutDashboardInput } from '@aws-sdk/client-cloudwatch';
import { AwsFault } from '../../world/types.ts';
import type { Region } from './region.ts';
import type { Wire } from './wire.ts';

/** The grid is 24 wide; a graph names its region and has at most 500 metrics, a list of alarms at most 100. */
const COLUMNS = 24;
const METRICS_MOST = 500;
const ALARMS_MOST = 100;

interface Widget {
  readonly type?: string;
  readonly x?: number;
  readonly width?: number;
  readonly properties?: {
    readonly region?: string;
    readonly markdown?: string;
    readonly metrics?: readonly unknown[];
    readonly alarms?: readonly unknown[];
  };
}

const invalid = (message: string): AwsFault => new AwsFault('InvalidParameterInput', `The dashboard: ${message}`);

function faultOf({ type, x = 0, width = 6, properties = {} }: Widget): string | undefined {
  if (x + width > COLUMNS) return `a widget is wider than ${COLUMNS} columns`;
  const { region, markdown, metrics, alarms } = properties;
  if (type === 'text') return markdown === undefined ? 'a text has no markdown' : undefined;
  if (type === 'alarm')
    return alarms && alarms.length <= ALARMS_MOST ? undefined : `expected 1 to ${ALARMS_MOST} alarms`;
  if (type !== 'metric') return `widgets of type ${String(type)} are not yet in the local world`;
  if (!region) return 'a graph has no region';
  return metrics && metrics.length <= METRICS_MOST ? undefined : `expected at most ${METRICS_MOST} metrics`;
}

/** @throws AwsFault */
export function putDashboard({ dashboards }: Region, { DashboardName, DashboardBody }: Wire<PutDashboardInput>) {
  if (!DashboardName || !/^[A-Za-z0-9_-]{1,255}$/.test(DashboardName))
    throw invalid('a name of A-Z, a-z, 0-9, - and _');
  let widgets: readonly Widget[] | undefined;
  try {
    widgets = (JSON.parse(DashboardBody ?? '') as { readonly widgets?: readonly Widget[] }).widgets;
  } catch {
    throw invalid('its body is no JSON');
  }
  const faults = (widgets ?? []).flatMap((each) => faultOf(each) ?? []);
  if (!widgets || faults.length > 0) throw invalid(faults.join('; ') || 'widgets is missing');
  dashboards.set(DashboardName, DashboardBody ?? '');
  return { DashboardValidationMessages: [] };
}

/** @throws AwsFault */
export function getDashboard({ name, dashboards }: Region, { DashboardName = '' }: Wire<GetDashboardInput>) {
  const DashboardBody = dashboards.get(DashboardName);
  if (DashboardBody === undefined)
    throw new AwsFault('ResourceNotFound', `Dashboard ${DashboardName} does not exist in ${name}`, 404);
  return { DashboardName, DashboardBody };
}
