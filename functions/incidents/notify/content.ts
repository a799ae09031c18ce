/** What is sent: one event, a digest of several, or word of a report. */
import type { Happening, IncidentEvent } from '../../../events/published/notification.ts';
import type { ReportEvent } from '../../../events/published/report.ts';
import type { FoldedLine, Message } from './templates.ts';

export type Content =
  | {
      readonly kind: 'event';
      /** The entry's id. */
      readonly id: string;
      /** When it happened, ISO 8601. */
      readonly at: string;
      readonly happening: Happening;
      readonly event: IncidentEvent;
      readonly message: Message;
    }
  | {
      readonly kind: 'digest';
      readonly id: string;
      readonly at: string;
      readonly deployment: string;
      readonly folded: readonly FoldedLine[];
      readonly message: Message;
    }
  | {
      readonly kind: 'report';
      readonly id: string;
      readonly at: string;
      readonly report: ReportEvent;
      readonly message: Message;
    };
