import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** Stops the process and everything below it, once, parents first; reads /proc anew for each level. */
const WALK = `
$| = 1;
sub below { my $of = shift; my @found; for my $file (glob('/proc/[0-9]*/stat')) {
  open(my $in, '<', $file) or next; my $line = <$in>; next unless defined $line;
  push @found, $1 if $line =~ /^(\\d+) \\(.*\\) \\S (\\d+)/s && $2 == $of; } return @found; }
sub walk { my $pid = shift; kill('STOP', $pid); walk($_) for below($pid); }
print "ready\\n"; <STDIN>; walk($ARGV[0]);`

/** A script that is up and waits for its word, so that its start does not count. */
export interface Walk extends AsyncDisposable {
  begin(): void
}

export async function startWalk(root: number): Promise<Walk> {
  const child = spawn('perl', ['-e', WALK, String(root)], { stdio: ['pipe', 'pipe', 'ignore'] })
  const ended = once(child, 'exit')
  await once(child.stdout, 'data')
  return {
    begin: () => void child.stdin.write('\n'),
    async [Symbol.asyncDispose]() {
      child.stdin.end()
      await ended
    },
  }
}
