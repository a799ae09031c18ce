/** The demo's configuration, saying what it would do instead of doing it. */
import demo from '../../local/demo.config.ts';

export default { ...demo, mode: 'observe' as const };
