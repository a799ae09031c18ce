/** Addresses in the console of Amazon S3, for who is signed in there. Pure. */

/** Partitions other than AWS's own have consoles of their own. */
const isOther = (region: string): boolean => /^(cn|us-gov|us-iso|eusc)/.test(region);

/** @returns undefined where the console has another address. */
export const objectLink = (bucket: string, key: string, region: string): string | undefined =>
  isOther(region) ? undefined : linkTo('object', bucket, region, key);

/** @param folder without a slash at its end. @returns undefined where the console has another address. */
export const folderLink = (bucket: string, folder: string, region: string): string | undefined =>
  isOther(region) ? undefined : linkTo('buckets', bucket, region, `${folder}/`);

function linkTo(what: 'object' | 'buckets', bucket: string, region: string, prefix: string): string {
  const query = new URLSearchParams({ region, prefix });
  return `https://${region}.console.aws.amazon.com/s3/${what}/${encodeURIComponent(bucket)}?${query}`;
}
