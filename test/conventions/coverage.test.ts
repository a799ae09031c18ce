import { describe, expect, it } from '@jest/globals';
import { unknownIds } from '../coverage/coverage.ts';
import { allProofs, currentPage, writtenPage } from '../coverage/main.ts';
import { SECTIONS } from '../coverage/sections.ts';

describe('the coverage of the source runbooks', () => {
  const rows = Object.values(SECTIONS).flat();

  it('lists each procedure once', () => {
    const ids = rows.map(({ id }) => id);
    expect(ids.filter((id, at) => ids.indexOf(id) !== at)).toEqual([]);
  });

  it('knows every id that a test claims', () => {
    expect(unknownIds(rows, allProofs())).toEqual([]);
  });

  it('is written down as it is: npm run coverage:runbooks -- --write', () => {
    expect(writtenPage()).toBe(currentPage());
  });
});
