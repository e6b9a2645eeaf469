/**
 * The documents: links lead to a page and a heading, files that are named exist, variables are read, settings are those of the
 * schema, and no sentence is a riddle. Unaware of whether the sentences are true.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const PAGES = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];
/** Expressions that make a reader stop; a plain one says the same. */
const RIDDLES =
  /\b(anew|in vain|any more|beside|nobody|somebody|whoever|mend(?:s|ed|ing)?|(?:is|are) (?:none|to be))\b/gi;
/** Folders of src/ that a page may name without `src/` in front. */
const FOLDERS = readdirSync(join(ROOT, 'src'), { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? [entry.name] : [],
);

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

function matches(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, group = '']) => group);
}

/** As GitHub makes them of headings. */
function anchorsOf(page: string): ReadonlySet<string> {
  const headings = matches(read(page), /^#+ (.*)$/gm);
  return new Set(
    headings.map((text) =>
      text
        .toLowerCase()
        .replaceAll(/[^\w\- ]/g, '')
        .replaceAll(' ', '-'),
    ),
  );
}

function sourcesBelow(folder: string): string {
  const names = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => /\.(ts|c|h|sh)$/.test(name))
    .map((name) => read(join(folder, name)))
    .join('\n');
}

describe.each(PAGES)('%s', (page) => {
  it('links to pages and headings that exist', () => {
    for (const target of matches(read(page), /\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target)) continue;
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? page : normalize(join(dirname(page), path));
      expect(existsSync(join(ROOT, file)), target).toBe(true);
      if (anchor !== undefined) expect(anchorsOf(file).has(anchor), target).toBe(true);
    }
  });

  it('is written in plain English', () => {
    expect(matches(read(page), RIDDLES)).toEqual([]);
  });

  it('names files that exist', () => {
    const text = read(page);
    for (const path of matches(text, /`((?:src|test|scripts|shims|docs|fixtures)\/[\w./+-]+)`/g))
      expect(existsSync(join(ROOT, path)), path).toBe(true);
    for (const path of matches(text, new RegExp(`\`((?:${FOLDERS.join('|')})/[\\w./-]+\\.ts)\``, 'g')))
      expect(existsSync(join(ROOT, 'src', path)), path).toBe(true);
  });
});

describe('docs/reference.md', () => {
  it('names variables that pmake reads', () => {
    const documented = matches(read('docs/reference.md'), /^\| `(PMAKE_\w+)/gm);
    expect(documented.length).toBeGreaterThan(10);
    const sources = sourcesBelow('src') + sourcesBelow('shims');
    for (const name of documented) expect(sources.includes(name), name).toBe(true);
  });

  it('names every variable of --pmake-help', () => {
    const helped = matches(read('src/make/help.ts'), /^ {2}(PMAKE_\w+)=/gm);
    expect(helped.length).toBeGreaterThan(5);
    const reference = read('docs/reference.md');
    for (const name of helped) expect(reference.includes(`| \`${name}`), name).toBe(true);
  });

  it('names every verb of pmakectl', () => {
    const verbs = matches(read('src/cli/pmakectl.ts'), /^import \{ (?:\w+, )?(\w+)Command \}/gm);
    expect(verbs.length).toBeGreaterThan(5);
    const reference = read('docs/reference.md');
    for (const verb of verbs) expect(new RegExp(`\`(?:pmakectl )?${verb}\\b`).test(reference), verb).toBe(true);
  });
});

it('docs/pmaked.md has the settings of the schema, and no other', () => {
  const table = /const TABLE[^{]*\{(.*?)^\};/ms.exec(read('src/config/broker-settings.ts'))?.[1] ?? '';
  const settings = matches(table, /^ {2}(\w+):/gm);
  expect(settings.length).toBeGreaterThan(10);
  expect(matches(read('docs/pmaked.md'), /^\| `(\w+)` \|/gm).sort()).toEqual(settings.sort());
});
