# Run as `perl hostile-tree.pl ROLE FILE`: a tree of processes that is hard to stop. Every process of it that runs
# appends to FILE, many times a second; whoever holds all of it sees FILE stand still.
use strict;
use warnings;
use POSIX ();

my ($role, $file) = @ARGV;
open(my $out, '>>', $file) or die "no $file";

sub burn { my $rounds = shift; for (my $i = 0; $i < $rounds; $i++) { } }
# Whoever escapes a failing test ends with the folder of its file, or it would load the machine for ever.
sub step { exit 0 unless -e $file; syswrite($out, '.'); burn(20_000); }
sub work { while (1) { step(); } }
# A process of its own program, as what an agent starts would be.
sub start { my $what = shift; my $pid = fork(); return $pid if $pid; exec($^X, $0, $what, $file) or die; }
sub leap { my $pid = fork(); if ($pid) { waitpid($pid, 0); return; } POSIX::setsid(); exit 0 if fork(); work(); }
# Lives until somebody has met it, however long a busy machine takes for that.
sub await_meeting { until (-e "$file.met") { exit 0 unless -e $file; select(undef, undef, undef, 0.01); } }
# Every process is the child of one that has ended by then.
sub relay { while (1) { step(); my $pid = fork(); exit 0 if $pid; } }

my %roles = (
  # Parent, children, and a grandchild whose parent has ended.
  burning => sub { start('work') for 1 .. 3; start('twofold'); work(); },
  work => \&work,
  twofold => sub { my $pid = start('work'); await_meeting(); exit 0; },
  # All of that, and a child that forks while it is being stopped.
  mixed => sub { start('work') for 1 .. 2; start('twofold'); start('brood'); work(); },
  # Children come and go all the time, also while somebody looks.
  forking => sub { start('brood'); work(); },
  brood => sub {
    $SIG{CHLD} = 'IGNORE';
    while (1) { my $pid = fork(); if (!$pid) { step() for 1 .. 8; exit 0; } step() for 1 .. 2; }
  },
  relay => sub { start('runner'); $SIG{CHLD} = 'IGNORE'; work(); },
  runner => \&relay,
  # The relay in a session of its own; its first process is there to be met.
  escape => sub { start('leader'); $SIG{CHLD} = 'IGNORE'; work(); },
  leader => sub { POSIX::setsid(); await_meeting(); relay(); },
  # Each process of it leads a session of its own: no group and no number holds it.
  hop => sub { start('hopper'); $SIG{CHLD} = 'IGNORE'; work(); },
  hopper => sub { while (1) { POSIX::setsid(); step(); my $pid = fork(); exit 0 if $pid; } },
  session => sub { start('forker'); $SIG{CHLD} = 'IGNORE'; work(); },
  forker => sub { POSIX::setsid(); start('work'); await_meeting(); exit 0; },
  # An orphan in a session of its own whose parents nobody meets: they end at once, when FILE.leap is there.
  leap => sub { until (-e "$file.leap") { step(); } leap(); work(); },
  deaf => sub { $SIG{TERM} = 'IGNORE'; start('deafChild'); work(); },
  deafChild => sub { $SIG{TERM} = 'IGNORE'; work(); },
  # The root hears, its child does not, from its first moment on.
  halfDeaf => sub { $SIG{TERM} = 'IGNORE'; start('deafChild'); $SIG{TERM} = 'DEFAULT'; work(); },
  sleeping => sub { start('sleeper'); work(); },
  sleeper => sub { kill('STOP', $$); work(); },
  # Changes its terminal all the time, as a text interface does; in the background that stops it.
  terminal => sub {
    my $termios = POSIX::Termios->new;
    while (1) { step(); $termios->getattr(0); $termios->setattr(0, POSIX::TCSANOW()); }
  },
  idle => sub { sleep(300); },
);
$roles{$role}->();
