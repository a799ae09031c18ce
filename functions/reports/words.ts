/** Figures as people read them. Pure. */

export const UNKNOWN = 'not known';

/** What isn't known is said so. */
export const shown = (value: number | undefined, write: (value: number) => string): string =>
  value === undefined || !Number.isFinite(value) ? UNKNOWN : write(value);

export const percentText = (percent: number, digits = 2): string => `${percent.toFixed(digits)} %`;
/** Never rounded up to a level that wasn't reached: 99.996 % isn't 100 %. */
export const availableText = (percent: number): string => `${(Math.floor(percent * 1000) / 1000).toFixed(3)} %`;
export const countText = (value: number): string =>
  Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ',');
export const plural = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;
