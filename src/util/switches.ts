/**
 * The rule for environment variables that switch something on, such as PMAKE_LOCAL; is_on in shims/common.h is the
 * same. Unaware of the variables themselves.
 */

/** True if set, not empty and not `0`: `1` and `yes` are on, and so is `no`. */
export function isSwitchedOn(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== '0';
}
