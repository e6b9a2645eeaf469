import { expect, it } from 'vitest';
import { TOOL_NAMES, toolCalled } from '../../../src/command/driver-name.ts';
import { isMasqueraded } from '../../../src/make/masquerade/program-names.ts';

/** Programs of these kinds run where they are called: a shim would only cost time. */
const LEFT_ALONE = new Set(['preprocessor', 'other-driver', 'binary-tool']);
/** Scripts around the compiler, and names by which linkers are seldom called. */
const WITHOUT_SHIM = ['c89', 'c99', 'lld', 'gold', 'mold', 'ranlib'];

it('has a shim for every tool whose command lines are read', () => {
  const read = TOOL_NAMES.filter((name) => !LEFT_ALONE.has(toolCalled(name, undefined).kind));
  expect(read.filter((name) => !isMasqueraded(name))).toEqual(WITHOUT_SHIM);
});
