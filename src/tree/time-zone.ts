/** The time zone of this host, for compiles on nodes that have another: __TIMESTAMP__ is told by the local clock. */
import { readlinkSync } from 'node:fs';

const ZONE = /\/zoneinfo\/(.+)$/;

/**
 * A value for TZ; undefined where the host does not say it by name.
 * @param link what localtime(5) describes; without it, the C library takes UTC
 */
export function hostTimeZone(link = '/etc/localtime'): string | undefined {
  try {
    return ZONE.exec(readlinkSync(link))?.[1];
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'UTC' : undefined;
  }
}
