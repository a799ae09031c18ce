/** The demo's configuration, with less time for proof where a case waits until the incident of the one before has ended. */
import demo from '../../local/demo.config.ts';

const { runbooks = {}, services = {} } = demo;
/** Of databases, as `cases/databases.ts` plays them; the demo's own scenarios need their time. */
const PLAYED = [
  ...['add-read-replica', 'end-long-queries', 'fail-over-database', 'grow-storage'],
  ...['restart-database', 'scale-up-database', 'snapshot-database', 'vacuum-and-analyze'],
];

export default {
  ...demo,
  services: {
    ...services,
    // What the world began with has proved itself by the time of the releases that are played: going back to it is no new release.
    backend: { ...services.backend, rollBackWithinSeconds: 120 },
  },
  runbooks: {
    ...runbooks,
    ...Object.fromEntries(PLAYED.map((name) => [name, { ...runbooks[name], verifyWithinSeconds: 10 }])),
  },
};
