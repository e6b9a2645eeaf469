/** Names in tests: checked like any other, with an Error if the test has an invalid one. */
import {
  type HostName,
  isHostName,
  isNodeName,
  isUserName,
  type NodeName,
  type UserName,
} from '../../src/protocol/names.ts';

export function nodeName(text: string): NodeName {
  if (!isNodeName(text)) throw new Error(`${text} is no node name`);
  return text;
}

export function hostName(text: string): HostName {
  if (!isHostName(text)) throw new Error(`${text} is no host name`);
  return text;
}

export function userName(text: string): UserName {
  if (!isUserName(text)) throw new Error(`${text} is no user name`);
  return text;
}
