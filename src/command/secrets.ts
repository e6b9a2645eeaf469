/**
 * Recognises secrets in the environment by the variables' names. Credentials for a cloud, a forge or a registry are
 * useless to a compiler, and a node is another machine. Unaware of values. Pure.
 */

/**
 * `AWS_SECRET_ACCESS_KEY`, `GITHUB_TOKEN`, `DOCKER_AUTH_CONFIG`, `DB_PASSWORD`; matches whole components, ignoring
 * case.
 */
const USUAL =
  /(?:^|_)(?:TOKEN|SECRETS?|PASSWORD|PASSWD|PASS|PASSPHRASE|PWD_FILE|CREDENTIALS?|APIKEY|(?:API|ACCESS|PRIVATE|SIGNING|ENCRYPTION|MASTER|DEPLOY)_KEY|AUTH|COOKIE|DSN|DATABASE_URL|NETRC)(?:_|$)/i;

/** The user's own list, PMAKE_SECRETS: `MY_*` adds secrets, `!CC_TOKEN` exempts one. */
const SEPARATORS = /[\s,:]+/;
const MAX_PATTERNS = 200;

/** True if a variable of this name stays on the submit host. */
export type IsSecret = (name: string) => boolean;

/** @param list - PMAKE_SECRETS, '' if unset; entries with `!` take precedence */
export function secretsBy(list: string): IsSecret {
  const patterns = list.split(SEPARATORS).filter(Boolean).slice(0, MAX_PATTERNS);
  const secret = patterns.filter((pattern) => !pattern.startsWith('!')).map(matcherOf);
  const open = patterns.filter((pattern) => pattern.startsWith('!')).map((pattern) => matcherOf(pattern.slice(1)));
  return (name) =>
    !open.some((matches) => matches(name)) && (USUAL.test(name) || secret.some((matches) => matches(name)));
}

/** `*` matches any characters. The parts between are searched in order, so the time is linear in both lengths. */
function matcherOf(pattern: string): IsSecret {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return (name) => name === first;
  return (name) => {
    if (!name.startsWith(first) || !name.endsWith(last) || name.length < first.length + last.length) return false;
    let at = first.length;
    for (const part of rest) {
      const found = name.indexOf(part, at);
      if (found < 0) return false;
      at = found + part.length;
    }
    return at <= name.length - last.length;
  };
}
