/** Times for people. They are in UTC everywhere, like those of the API and of the command line. */

import { element } from "./dom.js";

/** Returns a time with its date and zone: `2026-11-25 01:02:03 UTC`. */
export const full = (moment) => shown(moment, 8);

/** Returns the same without seconds, for a list: `2026-11-25 01:02 UTC`. */
export const short = (moment) => shown(moment, 5);

function shown(moment, characters) {
  const [date, time] = new Date(moment).toISOString().split("T");
  return element("time", { dateTime: moment }, `${date} ${time.slice(0, characters)} UTC`);
}
