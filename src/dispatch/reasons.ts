/**
 * Reasons why a job that could have run on a node was retried, came back or ran on this host: literals, and a clause
 * for users about each. Reasons of the command itself are in command/local-reasons.ts. Pure; unaware of how a reason is
 * found.
 */

/** Why a job that could have run on a node was retried, or came back to this host. */
export type RetryReason =
  | 'node-lost'
  | 'evicted'
  | 'lease-lost'
  | 'slow-there'
  | 'node-has-no-cwd'
  | 'node-has-no-compiler'
  | 'compiler-changed'
  | 'node-changed'
  | 'node-differs'
  | 'node-not-checked'
  | 'node-sees-another-source'
  | 'node-could-not-start'
  | 'node-has-lower-limits'
  | 'node-has-no-terminal'
  | 'paths-not-mapped'
  | 'names-left'
  | 'node-trouble'
  | 'node-made-no-object'
  | 'file-late-on-node'
  | 'file-missing-on-node'
  | 'failed-in-another-language'
  | 'output-too-large'
  | 'outputs-not-visible'
  | 'outputs-not-placed';

/** Why a job got a local slot and none on a node. */
export type NoSlotReason = 'no-nodes' | 'nodes-unfit' | 'nodes-not-ready' | 'nodes-busy';

/**
 * Why a job that could have run on a node ran on this host. Reasons of the command itself are command/'s LocalReason.
 */
export type PlacementReason =
  | NoSlotReason
  | 'switched-off'
  | 'not-text'
  | 'another-name'
  | 'secrets-of-wrapper'
  | 'script'
  | 'source-not-a-file'
  | 'too-long'
  | 'internal-error'
  | 'held-too-long'
  | 'known-probe'
  | RetryReason;

/** Clauses for users, to follow "because"; `pmakectl explain` shows them next to the counts. */
export const PLACEMENT_SENTENCES: Readonly<Record<PlacementReason, string>> = {
  'no-nodes': 'no node is configured or none could be used',
  'nodes-unfit': 'no node matches this host in everything that it needs',
  'nodes-not-ready': 'its nodes were still being connected or checked, and this host had a free slot',
  'nodes-busy': 'every slot on the nodes was in use, and this host had a free one',
  'switched-off': 'PMAKE_LOCAL or --pmake-local asked for it',
  'not-text': 'an argument, or a variable that names directories, is not UTF-8',
  'another-name': 'its argv[0] is not the name of the program (exec -a), and a node would not pass it on',
  'secrets-of-wrapper':
    'the compiler is a wrapper, which may need the secrets in the environment, and those stay here (PMAKE_SECRETS)',
  script: 'it is a script, which runs here at once; the compiler that it calls is a job of its own',
  'source-not-a-file': 'its source is missing or not a regular file',
  'too-long': 'its command line is longer than a node accepts',
  'internal-error': 'pmake failed to read the command: this is a bug in pmake, please report it',
  'held-too-long': 'its inputs were still being written after PMAKE_HOLD_TIMEOUT',
  'known-probe': 'it only tests an option, and this compiler accepted it before: nothing had to run',
  'node-lost': 'the connection to the node was lost',
  evicted: 'the node was needed for other work',
  'lease-lost': 'the node gave up the slot: it was drained, or its broker was restarted or cut off',
  'slow-there': 'it was slow on one node, and a second node was faster',
  'node-has-no-cwd': 'the node does not have this directory: it does not share the tree',
  'node-has-no-compiler': 'the node does not have this compiler at this path',
  'compiler-changed':
    'the compiler on the node was replaced after it had been checked: it is checked again before the next job',
  'node-changed':
    'mounts or installed files of the node changed after they had been checked: they are checked again before the next job',
  'node-differs':
    'a check that ended while it ran found another directory, or other headers, on the node than here: the result does not count',
  'node-not-checked':
    'a check that its result depends on was not done in time, or could not be: the result does not count',
  'node-sees-another-source': 'the node sees a different source file: it does not share the tree, or sees changes late',
  'paths-not-mapped':
    'the node has the tree under another name, and this command cannot be rewritten for it with the same result',
  'names-left': "the object would have contained the node's name for the tree, or a name that was made absolute",
  'node-could-not-start': 'the node could not start the compiler',
  'node-has-no-terminal': 'its output goes to a terminal, and the node has no pseudo-terminal left for the compiler',
  'node-has-lower-limits': "the node's hard limits (ulimit -H) are below those of the job",
  'node-trouble': 'the compiler was killed on the node, or the node ran out of memory or disk space',
  'node-made-no-object': 'the node reported success, but there is no object; compiled here to be sure',
  'file-late-on-node':
    'the compiler on the node did not find a file that exists here: compiled again on the same node after a fresh look',
  'file-missing-on-node': 'the compiler on the node did not find a file; compiled here to be sure',
  'failed-in-another-language':
    'the compile failed on the node, and pmake cannot tell in this language whether a file was missing; compiled here to be sure',
  'output-too-large': 'the compiler printed more than pmake buffers for a job on a node',
  'outputs-not-visible': 'the outputs from the node did not become visible here in time',
  'outputs-not-placed': 'the outputs from the node could not be moved to their final paths',
};
