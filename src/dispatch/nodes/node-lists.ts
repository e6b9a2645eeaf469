/**
 * Which nodes a build may use: PMAKE_NODES where the build has it, else the config file, which may change any time.
 * A bad edit is refused with its reason and the old values stay. Unaware of connections.
 */
import { configFiles, loadConfig, type Config } from '../../config/load.ts';
import { NODES_VARIABLE, parseNodes, type NodeSpec } from '../../config/nodes.ts';
import { describeConfigProblem } from '../../config/problem.ts';
import { watchConfig, type ConfigWatch } from '../../config/watch.ts';
import { putLast } from '../../util/put-last.ts';

/** PMAKE_NODES values remembered; a user has one or two. */
const MAX_LISTS = 64;

export interface NodeList {
  readonly specs: readonly NodeSpec[];
  /** Sentences for the summary: what is wrong with the list. */
  readonly problems: readonly string[];
}

export class NodeLists {
  readonly #env: NodeJS.ProcessEnv;
  readonly #byText = new Map<string, NodeList>();
  #config: Config = { nodes: [] };
  #configured: NodeList = { specs: [], problems: [] };
  #watch: ConfigWatch | undefined;
  /** Why the newest edit was not taken; empty when it was. */
  problem = '';

  /** `env` says where the files lie; its PMAKE_NODES is only the starter's, each build brings its own. */
  constructor(env: NodeJS.ProcessEnv) {
    this.#env = { ...env, [NODES_VARIABLE]: undefined };
  }

  get localSlots(): number | undefined {
    return this.#config.localSlots;
  }

  /** Reads the files, and again after every edit; then calls `onChange`. */
  async open(onChange: () => void): Promise<void> {
    await this.#load();
    this.#watch = watchConfig(configFiles(this.#env), () => {
      this.#load()
        .then(onChange)
        .catch((cause: unknown) => {
          // A defect of ours that an odd edit found: the old values stay, and the next edit is looked at.
          this.problem = `the edited configuration could not be taken: ${String(cause)}`;
          console.error('the configuration:', cause);
        });
    });
  }

  async close(): Promise<void> {
    await this.#watch?.close();
  }

  /** The list for a build; `text` is its PMAKE_NODES, undefined when it has none. */
  get(text: string | undefined): NodeList {
    if (text === undefined) return this.#configured;
    const known = this.#byText.get(text);
    if (known) return known;
    const parsed = parseNodes(text);
    const list = parsed.ok ? listOf(parsed.value, []) : listOf([], [describeConfigProblem(parsed.failure)]);
    putLast(this.#byText, text, list, MAX_LISTS);
    return list;
  }

  async #load(): Promise<void> {
    const loaded = await loadConfig(this.#env);
    if (!loaded.ok) {
      this.problem = describeConfigProblem(loaded.failure);
      this.#configured = { ...this.#configured, problems: [this.problem] };
      return;
    }
    this.problem = '';
    this.#config = loaded.value;
    this.#configured = listOf(this.#config.nodes, []);
  }
}

function listOf(specs: readonly NodeSpec[], problems: readonly string[]): NodeList {
  return { specs, problems };
}
