import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { AUTHORITY_GUARD } from '../../../functions/authority/set-authority/sql.ts';

it('the SQL that owners are told to install is the one that is tested', () => {
  const documented = readFileSync(join(import.meta.dirname, '../../../docs/authority-guard.sql'), 'utf8');
  expect(documented).toContain(AUTHORITY_GUARD.trim());
});
