/** This host's time zone, for compiles on nodes with a different one: __TIMESTAMP__ uses local time. */
import { readlinkSync } from 'node:fs';

const ZONE = /\/zoneinfo\/(.+)$/;

/**
 * A value for TZ; undefined if the host does not provide a name.
 * @param link - described in localtime(5); if it is missing, the C library uses UTC
 */
export function hostTimeZone(link = '/etc/localtime'): string | undefined {
  try {
    return ZONE.exec(readlinkSync(link))?.[1];
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'UTC' : undefined;
  }
}
