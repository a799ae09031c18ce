/**
 * When a composite alarm's actions are held back by its suppressor (AWS page "Composite alarm actions suppression", WaitPeriod and
 * ExtensionPeriod). Pure. A change of state inside a wait starts the wait again.
 */
export interface Suppression {
  readonly by: 'WaitPeriod' | 'ExtensionPeriod' | 'Alarm';
  /** Absent while the suppressor itself is in ALARM. */
  readonly untilMs?: number;
}

export interface SuppressionSetting {
  readonly waitForSeconds: number;
  readonly extendForSeconds: number;
}

/** What holds actions back right after the composite changed its state; `undefined`: nothing does. */
export function suppressionAtChange(
  setting: SuppressionSetting,
  suppressorInAlarm: boolean,
  nowMs: number,
): Suppression | undefined {
  if (suppressorInAlarm) return { by: 'Alarm' };
  return setting.waitForSeconds > 0 ? { by: 'WaitPeriod', untilMs: nowMs + setting.waitForSeconds * 1000 } : undefined;
}

/** What holds them back now, given what held them back so far. `undefined`: the actions are due. */
export function suppressionNow(
  setting: SuppressionSetting,
  current: Suppression,
  suppressorInAlarm: boolean,
  nowMs: number,
): Suppression | undefined {
  if (suppressorInAlarm) return { by: 'Alarm' };
  if (current.by === 'Alarm')
    return setting.extendForSeconds > 0
      ? { by: 'ExtensionPeriod', untilMs: nowMs + setting.extendForSeconds * 1000 }
      : undefined;
  return nowMs < (current.untilMs ?? 0) ? current : undefined;
}
