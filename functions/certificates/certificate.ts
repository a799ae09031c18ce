/** A certificate as ACM describes it, and what its days left mean. Pure. */

/** One name of a certificate, and how its owner shows that it is theirs. */
export interface Validation {
  readonly domain: string;
  /** `DNS`, `EMAIL` or `HTTP`. */
  readonly method: string;
  readonly isPending: boolean;
  /** For DNS: the CNAME record that ACM looks for. */
  readonly record?: { readonly name: string; readonly value: string };
  /** For e-mail: the domain whose addresses are written to. */
  readonly mailDomain?: string;
}

/** "DescribeCertificate", AWS Certificate Manager API Reference. */
export interface Certificate {
  /** `AMAZON_ISSUED`, `IMPORTED` or `PRIVATE`. */
  readonly type: string;
  readonly status: string;
  readonly serial: string;
  readonly domains: readonly string[];
  /** ISO 8601; absent, as its end is, before it is issued. */
  readonly notBefore?: string;
  readonly notAfter?: string;
  /** Whole days until then, rounded down; absent with it. */
  readonly daysLeft?: number;
  /** Of ACM's managed renewal. */
  readonly renewal?: { readonly status: string; readonly reason?: string };
  /** ACM renews only what an integrated service uses or what was exported ("Managed certificate renewal"). */
  readonly isEligible: boolean;
  readonly validations: readonly Validation[];
}

/** With so many days left there should be a new one; with fewer each time, people are told again (runbooks 002, line 132, and 004, line 972: 30 days). */
export const WARN_AT_DAYS = [30, 14, 7, 1] as const;
const [FIRST_WARNING] = WARN_AT_DAYS;

const DAY_MS = 86_400_000;
/** @param notAfter and `now` in epoch milliseconds. */
export const daysUntil = (notAfter: number, now: number): number => Math.floor((notAfter - now) / DAY_MS);

/** Never issued, about to expire, expired, or waiting for somebody to show that its names are theirs. */
export const needsRenewal = ({ daysLeft, renewal }: Certificate): boolean =>
  daysLeft === undefined || daysLeft <= FIRST_WARNING || renewal?.status === 'PENDING_VALIDATION';

/** "12 days left, until 2026-12-03". */
export function tellDays({ daysLeft, notAfter }: Certificate): string {
  if (daysLeft === undefined || notAfter === undefined) return 'never issued';
  const until = notAfter.slice(0, 10);
  if (daysLeft < 0) return `expired on ${until}`;
  return `${daysLeft} ${daysLeft === 1 ? 'day' : 'days'} left, until ${until}`;
}
