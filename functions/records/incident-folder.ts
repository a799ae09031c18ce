/** Where the archive keeps an incident. Pure. */

/** Folder of all editions of an incident. */
export function incidentFolder({ id, openedAt }: { readonly id: string; readonly openedAt: string }): string {
  const [year, month] = openedAt.split('-');
  return `incidents/${year}/${month}/${id}`;
}
