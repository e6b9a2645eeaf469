/**
 * The one rule for variables that switch something on, such as PMAKE_LOCAL; is_on in shims/common.h is the same. Unaware of
 * which there are.
 */

/** Set, not empty, and not `0`: `1` and `yes` are on, and so is `no`. */
export function isSwitchedOn(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== '0';
}
