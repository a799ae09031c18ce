/** `verify-backup`: restored once, told once, and nothing of it left. Its reader only reads, and is no part of this. */
import { claimOf, scratchIdOf } from '../../../../functions/jobs/scratch-id.ts';
import { counted } from '../../incidents/story.ts';
import type { IncidentPoint, Prepared, Site, UnitCase } from '../../incidents/types.ts';
import { type Kind, nextDatabase } from '../config.ts';
import { Described } from '../described.ts';
import { mayFail, runOf, takeTurns, toldOnce } from '../turns.ts';

export const unitCase: UnitCase = {
  unit: 'verify-backup',
  deliveries: {
    'a good backup': (site) => prepare(site, 'good'),
    'a bad backup': (site) => prepare(site, 'bad'),
  },
};

async function prepare(site: Site, kind: Kind): Promise<Prepared> {
  const { deployment } = site;
  const run = runOf('verify-backup', nextDatabase(kind));
  const rds = new Described(site.place);
  const snapshot = `nightshift-${deployment}-${run.subject}-2026-11-21-02-00`;
  const scratch = scratchIdOf(deployment, run);
  const restores = countRestores(site, scratch);
  await rds.create(run.subject);
  await rds.snapshot(run.subject, snapshot, { 'nightshift:deployment': deployment });
  return {
    deliver: (copies) => takeTurns(site, run, copies),
    check: async (point) => {
      const ids = (await rds.snapshots(run.subject)).map((each) => each.DBSnapshotIdentifier);
      const source = await rds.find(run.subject);
      return [
        ...(await toldOnce(site, run, kind === 'good' ? 'passed' : 'failed', point)),
        ...(point.mode === 'retry' ? counted('I4: restored', restores.count(), mayFail(point) ? 0 : 1, 1) : []),
        ...(await nothingLeft(rds, scratch, deployment, point)),
        ...(ids.includes(snapshot) ? [] : ['I6: the backup itself is gone']),
        ...(source?.DBInstanceStatus === 'available'
          ? []
          : [`I5: the database is ${source?.DBInstanceStatus ?? 'gone'}`]),
      ];
    },
    dispose: () => {
      restores.stop();
      return rds.dispose([scratch]);
    },
  };
}

/** How often the instance was made: a request whose answer was lost and that is sent again makes no second one, but one after its removal does. */
function countRestores({ place }: Site, scratch: string): { count(): number; stop(): void } {
  let restores = 0;
  let isThere = false;
  const stop = place.observer.onReached(({ service, operation, params }) => {
    if (service !== 'rds' || params.DBInstanceIdentifier !== scratch) return;
    if (operation === 'RestoreDBInstanceFromDBSnapshot' && !isThere) restores += 1;
    if (operation === 'RestoreDBInstanceFromDBSnapshot') isThere = true;
    if (operation === 'DeleteDBInstance') isThere = false;
  });
  return { count: () => restores, stop };
}

/** Of two runs at once the slower may still ask for the restore when the other has ended: then its lease says until when it may be there. */
async function nothingLeft(
  rds: Described,
  scratch: string,
  deployment: string,
  { mode }: Pick<IncidentPoint, 'mode'>,
): Promise<string[]> {
  if (await rds.isGone(scratch)) return [];
  const tags = Object.fromEntries(
    ((await rds.find(scratch))?.TagList ?? []).map(({ Key = '', Value = '' }) => [Key, Value]),
  );
  const isSwept = claimOf(deployment, { id: scratch, tags }) !== undefined;
  if (mode === 'concurrent' && isSwept) return [];
  return [`I6: the restored copy ${scratch} is left${isSwept ? '' : ', and nobody would sweep it'}`];
}
