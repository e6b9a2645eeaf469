import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { canHaveCluster, startCluster, type Cluster } from '../rig/cluster.ts';
import { pidsOf, signal } from '../rig/node-processes.ts';
import { lastBuild, needBuild, nodeStates, pmake, stopDispatcher } from '../rig/pmake.ts';
import { writeFiles, writeManySources } from '../rig/projects.ts';
import { makeWorkTree } from '../rig/work-tree.ts';

const KNOWN_HOSTS = '/run/home/.ssh/known_hosts';
const CONFIG = '/run/home/.config/pmake/config.json';
const SOURCES = 8;

describe.skipIf(!canHaveCluster())(
  'a node that cannot be used is refused with its reason, and the build runs without it',
  () => {
    async function buildOn(cluster: Cluster, options: { readonly nodes?: string } = {}) {
      await using work = await makeWorkTree();
      const project = join(work.path, 'project');
      await writeManySources(project, SOURCES);
      const build = await pmake(cluster, project, ['-j4'], options);
      expect(build, build.all).toMatchObject({ exitCode: 0, stderr: '' });
      return await lastBuild(cluster);
    }

    async function stateOf(cluster: Cluster, name: string) {
      return (await nodeStates(cluster)).find((node) => node.name === name);
    }

    test.each([
      {
        what: 'an unknown host key',
        break: `sed -i /^node2,/d ${KNOWN_HOSTS}`,
        state: 'refused',
        reason: /known_hosts/,
      },
      {
        what: 'a changed host key',
        break: `key=$(sed -n 's/^node3,[^ ]* //p' ${KNOWN_HOSTS}); sed -i "s#^\\(node2,[^ ]*\\) .*#\\1 $key#" ${KNOWN_HOSTS}`,
        state: 'refused',
        reason: /changed|differ|not the one|mismatch/i,
      },
    ])('$what', async ({ break: command, state, reason }) => {
      needBuild();
      await using cluster = await startCluster(3);
      expect((await cluster.exec(1, ['sh', '-c', command])).exitCode).toBe(0);
      const report = await buildOn(cluster);
      expect(report.byNode.node2 ?? 0).toBe(0);
      expect(report.byNode.node3).toBeGreaterThan(0);
      const node = await stateOf(cluster, 'node2');
      expect(node).toMatchObject({ state });
      expect(node?.reason).toMatch(reason);
    });

    test('a key that the node does not accept, and an sshd that is not there', async () => {
      await using cluster = await startCluster(4);
      await cluster.exec(2, ['sh', '-c', ': > ~/.ssh/authorized_keys']);
      await signal(cluster, 3, 'KILL', await pidsOf(cluster, 3, 'sshd'));
      const report = await buildOn(cluster);
      expect(Object.keys(report.byNode)).toEqual(['node4']);
      expect((await stateOf(cluster, 'node2'))?.reason).toMatch(/key|auth/i);
      expect((await stateOf(cluster, 'node3'))?.reason).toMatch(/refused/i);
    });

    test('a node that is switched off', async () => {
      await using cluster = await startCluster(3);
      await cluster.kill(2);
      const report = await buildOn(cluster);
      expect(report.byNode.node2 ?? 0).toBe(0);
      expect(report.byNode.node3).toBeGreaterThan(0);
    });

    test('a wrong config: the build runs here, and file, key and what was expected are named', async () => {
      await using cluster = await startCluster(2);
      await cluster.exec(1, ['sh', '-c', `mkdir -p $(dirname ${CONFIG}); cat >${CONFIG}`], {
        input: '{"node": ["node2/2"]}',
      });
      await using work = await makeWorkTree();
      await writeFiles(work.path, { Makefile: 'one.o:\n', 'one.c': 'int one;\n' });
      const build = await cluster.exec(1, [`${import.meta.dirname}/../../dist/cli/pmake.cjs`], { cwd: work.path });
      expect(build, build.all).toMatchObject({ exitCode: 0, stderr: '' });
      const problems = (await lastBuild(cluster)).problems.join('\n');
      expect(problems).toContain(CONFIG);
      expect(problems).toContain('did you mean "nodes"');
      await stopDispatcher(cluster);
    });

    test('PMAKE_NODES that cannot be read: the build runs here, and the word is named', async () => {
      await using cluster = await startCluster(2);
      const report = await buildOn(cluster, { nodes: 'node2/many' });
      expect(report.there).toBe(0);
      expect(report.problems.join('\n')).toContain('node2/many');
    });
  },
);
