/*
 * Stands where dist/cli/dispatcher.cjs would, for tests of how the shim starts it. Says over $FAKE_DAEMON_SOCKET what it
 * was given (JSON, one line), then obeys lines: "ready" (listen, answer every request with `exit 7`, write the byte),
 * "slow" (the same after six seconds of work), "busy" (work for fifteen seconds before anything is read), "still" (be
 * stopped as soon as it listens), "byte" (write the byte without listening), "exit". Ends with that socket.
 */
const fs = require('node:fs');
const net = require('node:net');

const ready = Number(process.env.PMAKE_READY_FD);
const lock = Number(process.env.PMAKE_START_LOCK_FD);
const socketPath = `${process.env.PMAKE_RUNTIME_DIR}/dispatcher.sock`;
const orders = net.connect(process.env.FAKE_DAEMON_SOCKET);
orders.on('close', () => process.exit(0));
orders.on('error', () => process.exit(1));

const status = fs.readFileSync('/proc/self/status', 'utf8');
const stat = fs.readFileSync('/proc/self/stat', 'utf8').replace(/.*\) /s, '').split(' ');
const fds = {};
for (const fd of fs.readdirSync('/proc/self/fd')) {
  try {
    fds[fd] = fs.readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    // The one that readdir itself had open.
  }
}
const hello = {
  pid: process.pid,
  session: Number(stat[3]),
  cwd: process.cwd(),
  umask: /Umask:\s*(\d+)/.exec(status)[1],
};
orders.write(`${JSON.stringify({ ...hello, env: process.env, fds, argv: process.argv })}\n`);

/** For that long there is no turn of the event loop. */
function work(seconds) {
  const endMs = Date.now() + seconds * 1_000;
  while (Date.now() < endMs);
}

function listen(afterwards = () => {}) {
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    // u32 length 2, type 0x13 (exited), code 7.
    socket.once('data', () => socket.end(Buffer.from([2, 0, 0, 0, 0x13, 7])));
  });
  server.listen(socketPath, () => {
    tellReady();
    afterwards();
  });
}

function tellReady() {
  fs.closeSync(lock);
  try {
    fs.writeSync(ready, 'r');
  } catch {
    // No shim waits for it by now.
  }
}

let line = '';
orders.on('data', (chunk) => {
  line += chunk.toString();
  for (;;) {
    const end = line.indexOf('\n');
    if (end < 0) return;
    const order = line.slice(0, end);
    line = line.slice(end + 1);
    if (order === 'ready') listen();
    if (order === 'slow') {
      work(6);
      listen();
    }
    if (order === 'busy') listen(() => work(15));
    if (order === 'still') listen(() => process.kill(process.pid, 'SIGSTOP'));
    if (order === 'byte') tellReady();
    if (order === 'exit') process.exit(1);
  }
});
