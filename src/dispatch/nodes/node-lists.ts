/**
 * Node lists of builds: PMAKE_NODES if the build has it, otherwise the config file, which may change at any time. A bad
 * edit is refused with a reason, and the old values stay. Unaware of connections.
 */
import { configFiles, loadConfig, type Config } from '../../config/load-config.ts';
import { NODES_VARIABLE, parseNodes, type NodeSpec } from '../../config/parse-nodes.ts';
import { describeConfigProblem } from '../../report/config-text.ts';
import { watchConfig, type ConfigWatch } from '../../config/config-watch.ts';
import { LruMap } from '../../util/lru-map.ts';

/** PMAKE_NODES values remembered; a user has one or two. */
const MAX_LISTS = 64;

/** A list of nodes, parsed. */
export interface NodeList {
  readonly specs: readonly NodeSpec[];
  /** Sentences for the summary on what is wrong with the list. */
  readonly problems: readonly string[];
}

/** The config file's list, and the lists of PMAKE_NODES values. */
export class NodeLists {
  readonly #env: NodeJS.ProcessEnv;
  readonly #byText = new LruMap<string, NodeList>(MAX_LISTS);
  #config: Config = { nodes: [] };
  #configured: NodeList = { specs: [], problems: [] };
  #watch: ConfigWatch | undefined;
  /** Why the newest edit was refused; empty if it was accepted. */
  problem = '';

  /**
   * `env` determines where the files are; its PMAKE_NODES belongs to the starter and is ignored, because each build
   * brings its own.
   */
  constructor(env: NodeJS.ProcessEnv) {
    this.#env = { ...env, [NODES_VARIABLE]: undefined };
  }

  get localSlots(): number | undefined {
    return this.#config.localSlots;
  }

  /** Reads the files now and after every edit; calls `onChange` after an edit. */
  async open(onChange: () => void): Promise<void> {
    await this.#load();
    this.#watch = watchConfig(configFiles(this.#env), () => {
      this.#load()
        .then(onChange)
        .catch((cause: unknown) => {
          // A bug that an odd edit triggered: the old values stay, and the next edit is read.
          this.problem = `the edited configuration could not be loaded: ${String(cause)}`;
          console.error('the configuration:', cause);
        });
    });
  }

  async close(): Promise<void> {
    await this.#watch?.close();
  }

  /** The list for a build; `text` is its PMAKE_NODES, undefined if it has none. */
  get(text: string | undefined): NodeList {
    if (text === undefined) return this.#configured;
    const known = this.#byText.get(text);
    if (known) return known;
    const parsed = parseNodes(text);
    const list = parsed.ok ? listOf(parsed.value, []) : listOf([], [describeConfigProblem(parsed.failure)]);
    this.#byText.set(text, list);
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
