/** The Lambda entry of `set-authority`: one order about one database. */
import { runtimeConfig } from '../../engine/config.ts';
import { type AuthorityAnswer, authorityOrder } from '../orders.ts';
import { setAuthority } from './set.ts';

export const handler = (event: unknown): Promise<AuthorityAnswer> =>
  setAuthority(authorityOrder.parse(event), runtimeConfig());
