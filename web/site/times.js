/**
 * Times for people. They are in UTC everywhere, like those of the API, of the command line, of AWS
 * and of the logs. So two people in different places see the same time, and a time can be searched
 * for in a log.
 */

import { element } from "./dom.js";

export const ZONE = "UTC";

/** Returns a time with its date and zone: `2026-11-25 01:02:03 UTC`. */
export const full = (moment) => shown(moment, (date, time) => `${date} ${time.slice(0, 8)} ${ZONE}`);

/** Returns the same without seconds, for a list: `2026-11-25 01:02 UTC`. */
export const short = (moment) => shown(moment, (date, time) => `${date} ${time.slice(0, 5)} ${ZONE}`);

/** Returns a time of day for a column whose header names `ZONE`: `01:02:03.456`. */
export const clock = (moment) => shown(moment, (_, time) => time.slice(0, -1));

/**
 * Returns a timestamp of the API as an element.
 * @throws {RangeError} it is not a timestamp
 */
function shown(moment, written) {
  const dateTime = new Date(moment).toISOString();
  return element("time", { dateTime }, written(...dateTime.split("T")));
}
