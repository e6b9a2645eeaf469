/** What connections are protected by, against the real sshd; `RekeyLimit` and the like are sshd_config(5)'s. */
import { describe, expect, test } from 'vitest';
import { describeNodeFailure } from '../../../src/remote/failure.ts';
import { startSshd } from '../../rig/sshd.ts';
import { expectChannel, expectEcho, expectFailure, NodeHome, specFor } from './node-home.ts';

describe('an sshd that has only', () => {
  test.each([
    'Ciphers aes128-cbc,3des-cbc',
    'MACs hmac-md5,hmac-sha1-96\nCiphers aes128-ctr',
    'KexAlgorithms diffie-hellman-group1-sha1,diffie-hellman-group14-sha1',
  ])('%s is refused', async (config) => {
    await using sshd = await startSshd({ config: config.split('\n') });
    await using home = await NodeHome.for(sshd);
    const failure = expectFailure(await home.connect(specFor(sshd)));
    expect(failure).toMatchObject({ reason: 'connection-lost', phase: 'handshake' });
    expect(describeNodeFailure(failure)).toMatch(/no matching .*(cipher|MAC|key exchange)/);
  });

  test.each([
    'Ciphers chacha20-poly1305@openssh.com',
    'Ciphers aes256-gcm@openssh.com',
    'MACs hmac-sha2-512\nCiphers aes256-ctr',
    'KexAlgorithms diffie-hellman-group16-sha512',
  ])('%s is used', async (config) => {
    await using sshd = await startSshd({ config: config.split('\n') });
    await using home = await NodeHome.for(sshd);
    await expectEcho(expectChannel(await home.connect(specFor(sshd))));
  });

  test('new keys after each 16 KiB: what is sent arrives whole', async () => {
    await using sshd = await startSshd({ config: ['RekeyLimit 16K'] });
    await using home = await NodeHome.for(sshd);
    await expectEcho(expectChannel(await home.connect(specFor(sshd))), 'x'.repeat(1 << 20));
  });
});
