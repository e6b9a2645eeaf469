import { describe, expect, it } from 'vitest';
import { environmentForNode, secretNames, parseEnvironment } from '../../src/command/environment.ts';
import { secretsBy } from '../../src/command/secrets.ts';

describe('a secret', () => {
  it.each([
    'AWS_SECRET_ACCESS_KEY',
    'AWS_ACCESS_KEY_ID',
    'AWS_SESSION_TOKEN',
    'GITHUB_TOKEN',
    'CI_JOB_TOKEN',
    'NPM_TOKEN',
    'npm_config__auth',
    'DOCKER_AUTH_CONFIG',
    'DB_PASSWORD',
    'PGPASSWORD_PASSWD',
    'SIGNING_KEY',
    'OPENAI_API_KEY',
    'GOOGLE_APPLICATION_CREDENTIALS',
    'SENTRY_DSN',
    'DATABASE_URL',
    'SECRET',
    'Token',
  ])('is what %s holds', (name) => {
    expect(secretsBy('')(name)).toBe(true);
  });

  it.each(['CC', 'CFLAGS', 'KEYBOARD', 'TOKENIZER', 'AUTHOR', 'GIT_AUTHOR_NAME', 'SECRETARY', 'BYPASS', 'COMPASS_DIR'])(
    'is not what %s holds',
    (name) => {
      expect(secretsBy('')(name)).toBe(false);
    },
  );

  it.each([
    ['MY_*', 'MY_THING', true],
    ['MY_*', 'NOT_MY_THING', false],
    ['*_LICENCE, OTHER', 'TOOL_LICENCE', true],
    ['*_LICENCE, OTHER', 'OTHER', true],
    ['A*B*C', 'AxBxC', true],
    ['A*B*C', 'AxC', false],
    ['AB*BA', 'ABA', false],
    ['!CC_TOKEN', 'CC_TOKEN', false],
    ['!CC_TOKEN', 'GITHUB_TOKEN', true],
    ['!*_TOKEN GITHUB_TOKEN', 'GITHUB_TOKEN', false],
    ['(.*)+$', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', false],
  ])('by PMAKE_SECRETS=%j: %s %s', (list, name, isSecret) => {
    expect(secretsBy(list)(name)).toBe(isSecret);
  });
});

describe('the environment of a build', () => {
  const block = (...entries: string[]) => Buffer.from(entries.map((entry) => `${entry}\0`).join(''));

  it('loses its secrets on the way to a node, also those that stand in it twice', () => {
    const entries = ['CC_X=1', 'GITHUB_TOKEN=a', 'A=1', 'GITHUB_TOKEN=b', 'MY_KEYS=k', 'PMAKE_SECRETS=MY_*'];
    expect(environmentForNode(block(...entries)).toString()).toBe('CC_X=1\0A=1\0');
    expect(secretNames(parseEnvironment(block(...entries)))).toEqual(['GITHUB_TOKEN', 'MY_KEYS']);
  });

  it('loses MAKEFLAGS and the like too, if the user calls them secret', () => {
    const entries = ['MAKEFLAGS= -j4 -- KEY=k', 'A=1', 'PMAKE_SECRETS=MAKE*'];
    expect(environmentForNode(block(...entries)).toString()).toBe('A=1\0');
    expect(secretNames(parseEnvironment(block(...entries)))).toEqual(['MAKEFLAGS']);
  });

  it('keeps what a compiler reads, whatever it is called', () => {
    const entries = ['GCC_EXEC_PREFIX=/x', 'CC_PRINT_AUTH=1'];
    expect(environmentForNode(block(...entries, 'PMAKE_SECRETS=*')).toString()).toBe(
      entries.map((entry) => `${entry}\0`).join(''),
    );
  });
});
