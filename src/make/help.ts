/** The text of `pmake --pmake-help`. */
export const HELP = `Usage: pmake [MAKE ARGUMENTS]...

Runs make; compiles run on the nodes of the cluster. Every argument is passed to
make untouched (see make --help), except:
  --pmake-help      print this and exit
  --pmake-version   print pmake's version and exit
  --pmake-local     run plain make on this machine

Without a -j, make runs as many jobs at once as the cluster has slots, more
when nodes join and fewer when they leave. An explicit -jN is obeyed.

Environment:
  PMAKE_NODES="n2/8 me@n3:2222/4"  the nodes, as [USER@]HOST[:PORT][/SLOTS];
                         else those of a running pmaked, else of config.json in
                         ~/.config/pmake ($XDG_CONFIG_HOME) or /etc/pmake
  PMAKE_LOCAL=1          the same as --pmake-local
  PMAKE_MAKE=PROGRAM     the make to run
  PMAKE_SUMMARY=1 or 0   the line after the build: always, never
  PMAKE_PROGRESS=0       no progress line while make is silent
  PMAKE_PRELOAD=1 or 0   catch compilers called by their full path: always,
                         never; else when the build names one
  PMAKE_RUNTIME_DIR=DIR  for sockets and locks; yours alone (mode 700)

What ran where, and why: pmakectl explain. More: pmakectl --help.
`;
