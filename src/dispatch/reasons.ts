/**
 * Why a job that could have run on a node was started again, came home or ran here: literals, and what people are told
 * of each. Reasons of the command itself are in command/reasons.ts. Pure; unaware of how a reason is found.
 */

/** Why a job that could have run on a node was started again, or came home. */
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

/** Why a job got a slot of this host and none of a node. */
export type NoSlotReason = 'no-nodes' | 'nodes-unfit' | 'nodes-not-ready' | 'nodes-busy';

/** Why a job that could have run on a node ran here. Reasons of the command itself are command/'s HereReason. */
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
  | 'known-trial'
  | RetryReason;

/** Sentences for people; `pmakectl explain` shows them beside the counts. */
export const PLACEMENT_SENTENCES: Readonly<Record<PlacementReason, string>> = {
  'no-nodes': 'no node is configured or none could be used',
  'nodes-unfit': 'no node has what it needs as this host has it',
  'nodes-not-ready': 'its nodes were still being connected or checked, and this host had a slot free',
  'nodes-busy': 'every slot of the nodes was taken, and this host had one free',
  'switched-off': 'PMAKE_LOCAL or --pmake-local asked for it',
  'not-text': 'a word, or a variable that names directories, is not UTF-8',
  'another-name': 'it is told to go by another name than its own (exec -a), which a node would not tell it',
  'secrets-of-wrapper':
    'the compiler is a wrapper of one, which may need the secrets in the environment, and those stay here (PMAKE_SECRETS)',
  script: 'it is a script, which runs here at once; the compiler that it calls is looked at by itself',
  'source-not-a-file': 'its source is missing or no regular file',
  'too-long': 'its command line is longer than a node takes',
  'internal-error': 'pmake could not read the command: a defect of pmake, please report it',
  'held-too-long': 'what it links was still being written after PMAKE_HOLD_TIMEOUT',
  'known-trial': 'it only tries an option out, and this compiler took it before: nothing had to run',
  'node-lost': 'the connection to the node broke',
  evicted: 'somebody else needed the node',
  'lease-lost': 'the node gave up the slot: it drained, or its broker was restarted or cut off',
  'slow-there': 'it was late there, and a second node was quicker',
  'node-has-no-cwd': 'the node does not have this directory: it does not share the tree',
  'node-has-no-compiler': 'the node does not have this compiler at this path',
  'compiler-changed':
    'the compiler on the node was replaced after it had been checked: it is compared again before the next job goes there',
  'node-changed':
    'what the node has mounted or installed changed after it had been checked: it is looked at again before the next job goes there',
  'node-differs':
    'while it ran there the node was found to have another directory, or other headers, than this host has: that result does not count',
  'node-sees-another-source':
    'the node sees another source file than this host: it does not share the tree, or sees it late',
  'paths-not-mapped': 'the node has the tree under another name, and this command cannot be sent there unchanged',
  'names-left': "the node's name for the tree, or a name made absolute, would have stood in the object",
  'node-could-not-start': 'the node could not start the compiler',
  'node-has-no-terminal': 'this host prints on a terminal, and the node has no pseudo-terminal left for the compiler',
  'node-has-lower-limits': "the node's hard limits (ulimit -H) are below those of the job",
  'node-trouble': 'the compiler was killed there, or the node ran out of memory or disk',
  'node-made-no-object':
    'the node said that the compile succeeded, and there is no object of it; compiled here to be sure',
  'file-late-on-node':
    'the compiler missed a file there that is here: compiled again on the same node, which had looked again',
  'file-missing-on-node': 'the compiler missed a file there; compiled here to be sure',
  'failed-in-another-language':
    'the compile failed there, and pmake cannot read in this language whether it missed a file; compiled here to be sure',
  'output-too-large': 'the compiler printed more than pmake holds for a node',
  'outputs-not-visible': 'what the node wrote did not become visible here in time',
  'outputs-not-placed': 'what the node wrote could not be put where the compiler would have written it',
};
