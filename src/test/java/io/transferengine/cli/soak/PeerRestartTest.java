// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.cli.console.CommandEnvironment;
import io.transferengine.transfer.Operation;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A peer is killed under load and comes back under its name; {@code -Drestarts=200} for a long run.
 * The first transfer that begins when it is ready completes.
 */
class PeerRestartTest {
  private static final int RESTARTS = Integer.getInteger("restarts", 2);
  private static final int LOAD_BYTES = 1 << 20;
  private static final int NEXT_BYTES = 100_000;
  private static final int PATIENCE_MILLIS = 30_000;

  /** The load has ended a second after its deadline. */
  private static final int LOAD_MILLIS = 1000;

  @TempDir Path folder;

  @ParameterizedTest
  @EnumSource(names = {"PLAIN", "SERVICE"})
  @Timeout(7200)
  void theNextTransferToAPeerThatIsBackCompletes(Variant variant) throws Exception {
    long seed = Long.getLong("seed", System.nanoTime() >>> 10);
    Random random = new Random(seed);
    long[] millis = new long[RESTARTS];
    Setup setup =
        Setup.of(CommandEnvironment.current(), folder, "tcp", new Configuration(variant, false));
    try (Group group = new Group(setup, 2, seed)) {
      Member ours = group.members().get(0);
      Member peer = group.members().get(1);
      Health health = new Health(false);
      group.awaitService();
      look(group, health, ours);
      for (int i = 0; i < RESTARTS; i++) {
        FutureTask<Outcome> load =
            new FutureTask<>(() -> move(ours, peer, LOAD_BYTES, LOAD_MILLIS));
        var _ = Thread.ofVirtual().start(load);
        Thread.sleep(random.nextInt(30)); // any moment will do
        peer.child().kill();
        peer.restart();
        Outcome outcome = load.get();
        assertThat(outcome.hung()).as("%s, -Dseed=%d", outcome, seed).isFalse();
        long readyNanos = System.nanoTime();
        Outcome next = move(ours, peer, NEXT_BYTES, PATIENCE_MILLIS);
        millis[i] = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - readyNanos);
        assertThat(next.completed()).as("%s after %d, -Dseed=%d", next, i, seed).isTrue();
      }
      look(group, health, ours);
    }
    Arrays.sort(millis);
    System.out.printf(
        "PeerRestartTest: %s, %d restarts, next transfer after %d ms (median), %d ms (longest)%n",
        variant, RESTARTS, millis[RESTARTS / 2], millis[RESTARTS - 1]);
  }

  private static void look(Group group, Health health, Member member) {
    group.resetConnections();
    group.awaitOnlyLiveConnections();
    health.look(List.of(member));
  }

  private static int offset() {
    return Layout.REGISTERED.getFirst().offset();
  }

  private static Outcome move(Member from, Member to, int length, int limitMillis) {
    Planned move =
        new Planned(
            Operation.WRITE,
            from,
            to,
            limitMillis,
            -1,
            1,
            (byte) 0,
            List.of(new Planned.Span(offset(), offset(), length)));
    return Outcome.parse(from.child().ask("move", 0, move.move().text()));
  }
}
