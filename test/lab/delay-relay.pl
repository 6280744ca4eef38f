#!/usr/bin/perl
# Carries Ethernet frames between two tap devices, each frame DELAY_MS late, and drops some. Stands in for the kernel's
# netem, which many kernels lack. usage: delay-relay.pl TAP_A TAP_B DELAY_MS LOSS_PERCENT PID_FILE
use strict;
use warnings;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my ($name_a, $name_b, $delay_ms, $loss, $pid_file) = @ARGV;
my $queue_limit = 20_000;
srand(1);

sub open_tap {
    my ($name) = @_;
    open(my $tap, '+<', '/dev/net/tun') or die "/dev/net/tun: $!";
    # TUNSETIFF with IFF_TAP | IFF_NO_PI
    ioctl($tap, 0x400454ca, pack('a16 S x22', $name, 0x1002)) or die "tap $name: $!";
    return $tap;
}

my @taps = (open_tap($name_a), open_tap($name_b));
open(my $out, '>', $pid_file) or die "$pid_file: $!";
print $out "$$\n";
close($out);

my @queue;
for (;;) {
    my $now = clock_gettime(CLOCK_MONOTONIC);
    while (@queue && $queue[0][0] <= $now) {
        my (undef, $to, $frame) = @{shift @queue};
        syswrite($to, $frame);
    }
    my $readable = '';
    vec($readable, fileno($_), 1) = 1 for @taps;
    my $wait = @queue ? $queue[0][0] - $now : undef;
    next if select($readable, undef, undef, $wait) <= 0;
    for my $side (0, 1) {
        next unless vec($readable, fileno($taps[$side]), 1);
        my $length = sysread($taps[$side], my $frame, 65536);
        # Nothing to read is what a tap says while its link is not up yet.
        next unless $length;
        next if @queue >= $queue_limit || rand(100) < $loss;
        push @queue, [clock_gettime(CLOCK_MONOTONIC) + $delay_ms / 1000, $taps[1 - $side], $frame];
    }
}
