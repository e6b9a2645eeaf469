/** Reasons why pmaked does not start, or refuses a connection, as sentences. Pure. */
import type {
  ConnectionRefusal,
  DaemonFailure,
  InterfaceFailure,
  KeyFailure,
  UdpFailure,
} from '../pmaked/daemon-failure.ts';
import { LOCAL_BROKER_VERSION } from '../protocol/local-broker.ts';
import { MAX_NODE_NAME_BYTES, showName } from '../protocol/names.ts';

/** One sentence for the log: what is wrong, and what to do about it. */
export function describeDaemonFailure(failure: DaemonFailure): string {
  switch (failure.reason) {
    case 'no-such-interface':
    case 'no-ipv4-address':
      return describeInterface(failure);
    case 'not-two-groups':
      return '"broker.groups" needs two addresses';
    case 'unfit-host-name':
      return (
        `the host name ${showName(failure.name)} cannot be this node's name: set "broker.node" to the name under which ssh ` +
        `reaches it, at most ${MAX_NODE_NAME_BYTES} letters, digits, dots and dashes`
      );
    case 'no-key':
    case 'unreadable-key':
    case 'key-not-a-file':
    case 'key-open-to-others':
    case 'key-of-other-owner':
    case 'key-too-long':
    case 'key-too-short':
      return describeKey(failure);
    case 'no-peer-program':
      return `${failure.path} is missing: it tells users apart; install a C compiler and run scripts/build`;
    case 'no-datagrams':
    case 'no-multicast':
      return describeUdp(failure);
    case 'already-served':
      return `another pmaked serves ${failure.path}; stop it, or give this one another "--socket"`;
    case 'cannot-listen':
      return `cannot listen at ${failure.path}: ${failure.error}`;
  }
}

/** What a program is told whose connection is refused. */
export function describeConnectionRefusal(refusal: ConnectionRefusal): string {
  switch (refusal.reason) {
    case 'too-many-connections':
      return `too many connections of user ${refusal.user}`;
    case 'not-introduced':
      return 'the first message must be an introduction';
    case 'other-version':
      return `it speaks version ${refusal.version}, pmaked ${LOCAL_BROKER_VERSION}: install the same pmake for both`;
  }
}

function describeInterface(failure: InterfaceFailure): string {
  if (failure.reason === 'no-ipv4-address') return 'no interface has an IPv4 address';
  const known = failure.known.map(({ name, address }) => `${name} (${address})`).join(', ');
  return `there is no interface "${failure.wanted}" with an IPv4 address here; there are ${known || 'none'}`;
}

function describeKey(failure: KeyFailure): string {
  const { path } = failure;
  switch (failure.reason) {
    case 'no-key':
      return (
        `there is no cluster key ${path}; make one with "umask 077; head -c 32 /dev/urandom | base64 > ${path}" ` +
        'and copy it to every node'
      );
    case 'unreadable-key':
      return `the cluster's key ${path} cannot be read (${failure.code}); it must belong to uid ${failure.uid}`;
    case 'key-not-a-file':
      return `the cluster's key ${path} is not a regular file`;
    case 'key-open-to-others': {
      const mode = failure.mode.toString(8);
      return `the cluster's key ${path} can be read by others (mode ${mode}); run "chmod 600 ${path}"`;
    }
    case 'key-of-other-owner':
      return `the cluster's key ${path} belongs to uid ${failure.owner}, not to ${failure.uid}`;
    case 'key-too-long':
      return `the cluster's key ${path} has ${failure.bytes} bytes: too many for a key`;
    case 'key-too-short':
      return `the cluster's key ${path} has ${failure.bytes} bytes, which can be guessed; it needs ${failure.minBytes}`;
  }
}

function describeUdp(failure: UdpFailure): string {
  const { address } = failure;
  if (failure.reason === 'no-multicast') {
    return `the interface of ${address} takes no multicast (${failure.error}); name another, or list peers`;
  }
  const taken =
    failure.code === 'EADDRINUSE' ? '; another pmaked runs here; stop it, or choose another "broker.port"' : '';
  return `cannot listen at ${address}:${failure.port} (${failure.code})${taken}`;
}
