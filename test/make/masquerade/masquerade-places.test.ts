import { expect, test } from 'vitest';
import { placesFor } from '../../../src/make/masquerade/masquerade-places.ts';

const TEMPORARY = `/tmp/pmake-${process.geteuid?.() ?? 0}`;

test.each<[NodeJS.ProcessEnv, string, string[]]>([
  [{ XDG_CACHE_HOME: '/c' }, '/run/me/pmake', ['/c/pmake', '/run/me/pmake', TEMPORARY]],
  [{ HOME: '/home/me' }, '/run/me/pmake', ['/home/me/.cache/pmake', '/run/me/pmake', TEMPORARY]],
  [{ XDG_CACHE_HOME: '/c' }, TEMPORARY, ['/c/pmake', TEMPORARY]],
  // PATH cannot hold a colon.
  [{ XDG_CACHE_HOME: '/c:d' }, '/run/me/pmake', ['/run/me/pmake', TEMPORARY]],
  [{ XDG_CACHE_HOME: '/c:d' }, '/run/m:e', [TEMPORARY]],
  // Makefiles cannot hold the others.
  [{ XDG_CACHE_HOME: '/c d' }, '/run/me/pmake', ['/run/me/pmake', TEMPORARY, '/c d/pmake']],
  [{ XDG_CACHE_HOME: '/c#d' }, '/run/m$e', [TEMPORARY, '/c#d/pmake', '/run/m$e']],
  [{ HOME: '' }, '/run/me/pmake', ['/run/me/pmake', TEMPORARY]],
])('%j with sockets in %s', (env, runtime, expected) => {
  expect(placesFor(env, runtime).map(({ root }) => root)).toEqual(expected.map((place) => `${place}/masquerade`));
});
