/** What the rest of the local world uses of the emulator. */
export {
  DEFAULT_CACHE_DIR,
  type InstalledEmulator,
  type InstalledPackages,
  installEmulator,
  installPackages,
} from './install.ts';
export { type Ministack, startMinistack } from './ministack.ts';
