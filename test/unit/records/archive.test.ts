import { describe, expect, it } from '@jest/globals';
import { archiveDocument } from '../../../events/published/archive.ts';
import type { Archive } from '../../../functions/records/document.ts';
import { archiveOf, folderOf, statementOf } from '../../../functions/records/document.ts';
import { fingerprintOf, isSigned, signStatement } from '../../../functions/records/sign.ts';
import { keptStory, STORY_ID, storyEntries } from '../../support/story.ts';

const place = { deployment: 'main', region: 'us-east-1' };
const SECRET = 'not-a-real-secret-but-just-as-long-as-one';

function archived(kept = keptStory()): Archive {
  const found = archiveOf(kept, place);
  if (!found) throw new Error('the story is an incident');
  return found;
}

describe('an archive', () => {
  it('has the published shape, with and without a signature', () => {
    const plain = archived();
    expect(archiveDocument.parse(JSON.parse(JSON.stringify(plain)))).toEqual(JSON.parse(JSON.stringify(plain)));
    const signed = { ...plain, signature: signStatement(statementOf(plain), SECRET) };
    expect(archiveDocument.parse(signed).signature?.algorithm).toBe('Ed25519');
  });

  it('is the same whenever it is made from the same journal', () => {
    expect(JSON.stringify(archived())).toBe(JSON.stringify(archived()));
    expect(folderOf(archived())).toMatch(new RegExp(`^incidents/2026/11/${STORY_ID}/00012-[0-9a-f]{12}$`));
  });

  it('of a later edition stands beside the earlier one and sorts behind it', () => {
    const earlier = folderOf(archived(keptStory(storyEntries().slice(0, -1))));
    expect(earlier < folderOf(archived())).toBe(true);
  });

  it('says what was not as it was written', () => {
    const kept = keptStory();
    const [first, ...rest] = kept.entries;
    if (!first) throw new Error('no entry');
    const { chain } = archived({ ...kept, entries: [{ ...first, by: 'eve' }, ...rest] });
    expect(chain.findings).toMatchObject([{ kind: 'altered', entryId: first.id }]);
  });

  it('is not made of entries without an opening', () => {
    expect(archiveOf(keptStory(storyEntries().slice(1)), place)).toBeUndefined();
  });
});

describe('a signature', () => {
  const statement = statementOf(archived());
  const signature = signStatement(statement, SECRET);

  it('holds for its statement, and always comes out the same', () => {
    expect(isSigned(statement, signature)).toBe(true);
    expect(signStatement(statement, SECRET)).toEqual(signature);
    expect(fingerprintOf(signature.publicKey)).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each([
    ['hash', { hash: 'f'.repeat(64) }],
    ['count', { count: 11 }],
    ['incident', { incidentId: 'inc-2' }],
    ['deployment', { deployment: 'other' }],
    ['region', { region: 'eu-west-1' }],
  ])('does not hold for another %s', (_what, change) => {
    expect(isSigned({ ...statement, ...change }, signature)).toBe(false);
  });

  it.each([
    ['another key’s value', { value: signStatement(statement, `${SECRET}2`).value }],
    ['another key', { publicKey: signStatement(statement, `${SECRET}2`).publicKey }],
    ['no key', { publicKey: 'bm90IGEga2V5' }],
    ['no value', { value: '' }],
  ])('does not hold with %s', (_what, change) => {
    expect(isSigned(statement, { ...signature, ...change })).toBe(false);
  });

  it('is not made with a secret that could be guessed, and the error does not repeat it', () => {
    expect(() => signStatement(statement, 'hunter2')).toThrow(/7 characters, expected at least 32/);
    expect(() => signStatement(statement, 'hunter2')).not.toThrow(/hunter2/);
  });

  it('does not hold the secret', () => {
    expect(JSON.stringify(signature)).not.toContain(SECRET);
  });
});
