// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.PeerProcess;
import io.transferengine.transfer.Operation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Strangers flood an engine in a small JVM while an honest peer goes on with its work. {@code
 * -Dte.test.floodPercent=10} has fewer of them.
 */
@Timeout(300)
class FloodTest {
  private static final int MIB = 1 << 20;
  private static final int PERCENT = Integer.getInteger("te.test.floodPercent", 100);
  private static final int RESETS = 10_000;
  private static final int SILENT = 5_000;
  private static final int ASKERS = 1_500;
  private static final int NOTIFICATIONS = 300;
  private static final int METADATA_REQUESTS = 300;

  /** Descriptors of this process that are no stranger's. */
  private static final int OWN_DESCRIPTORS = 2_000;

  private static final Duration BASELINE_LIMIT = Duration.ofSeconds(60);

  @TempDir Path folder;

  private record Figures(long descriptors, long threads, long directBytes) {
    static Figures of(PeerProcess peer) {
      Path process = Path.of("/proc", Long.toString(peer.process().pid()));
      return new Figures(
          entries(process.resolve("fd")),
          entries(process.resolve("task")),
          Long.parseLong(peer.ask("direct")));
    }

    boolean isAtMost(Figures other) {
      return descriptors <= other.descriptors
          && threads <= other.threads
          && directBytes <= other.directBytes;
    }

    private static long entries(Path folder) {
      try (Stream<Path> entries = Files.list(folder)) {
        return entries.count();
      } catch (IOException e) {
        throw new AssertionError(e);
      }
    }
  }

  /** An honest peer that writes and reads, small and large, and checks what has come. */
  private static final class Honest {
    private final PeerProcess peer;
    private final String target;
    private final long local;
    private final long remote;
    private long rounds;

    Honest(PeerProcess peer, PeerProcess target) {
      this.peer = peer;
      this.target = target.name();
      local = peer.allocate(2 * MIB);
      remote = target.allocate(MIB);
    }

    void round() {
      for (int length : new int[] {100, 5000, MIB}) {
        peer.fill(local, length, rounds + length);
        peer.zero(local + MIB, length);
        assertThat(peer.call("transferSyncWrite", target, local, remote, length))
            .as("round %d, write of %d bytes; log: %s", rounds, length, peer.log())
            .isZero();
        assertThat(peer.call("transferSyncRead", target, local + MIB, remote, length))
            .as("round %d, read of %d bytes; log: %s", rounds, length, peer.log())
            .isZero();
        assertThat(peer.mismatch(local + MIB, length, rounds + length)).isEqualTo(-1);
      }
      rounds++;
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.2", "127.0.0.1"})
  void anHonestPeerGoesOnAndNothingIsLeft(String strangersFrom) throws Exception {
    Path gcLog = folder.resolve("gc.log");
    try (PeerProcess target = start(gcLog);
        // One lane, so that all its connections are there from the start.
        PeerProcess peer = PeerProcess.initialized(Map.of("MC_TCP_LANES_PER_PEER", "1"))) {
      Honest honest = new Honest(peer, target);
      long victim = target.allocate(MIB);
      int port = (int) target.call("getRpcPort");
      try (Strangers strangers = new Strangers(strangersFrom, port, victim);
          var threads = Executors.newSingleThreadExecutor()) {
        honest.round();
        assertThat(strangers.sendNotifications(2, 900_000)).isEqualTo(2);
        assertThat(strangers.sendMetadata(2, 3 * MIB)).isEqualTo(2);
        Figures before = Figures.of(target);
        AtomicBoolean over = new AtomicBoolean();
        Future<Long> transfers = threads.submit(rounds(honest, over));
        try {
          flood(strangers);
          aNewcomerIsServed(target, victim);
        } finally {
          over.set(true);
        }
        assertThat(transfers.get()).as("rounds of the honest peer meanwhile").isPositive();
        strangers.leave();
        target.ask("notifies");
        Awaitility.await()
            .atMost(BASELINE_LIMIT)
            .pollInterval(Duration.ofMillis(500))
            .untilAsserted(
                () ->
                    assertThat(Figures.of(target))
                        .as("before: %s", before)
                        .matches(after -> after.isAtMost(before), "no more than before"));
        honest.round();
      }
      assertThat(target.log()).noneMatch(line -> line.contains("OutOfMemoryError"));
      assertThat(Files.readAllLines(gcLog))
          .as("collections")
          .isNotEmpty()
          .noneMatch(line -> line.contains("System.gc()"));
    }
  }

  /** While the silent ones are there still, it asks for the descriptor and makes connections. */
  private static void aNewcomerIsServed(PeerProcess target, long remote) {
    try (TestEngine newcomer = new TestEngine(MIB)) {
      for (Operation operation : Operation.values()) {
        TestEngine.assertCompleted(newcomer.submit(operation, target.name(), remote, MIB));
      }
    }
  }

  private static PeerProcess start(Path gcLog) {
    return PeerProcess.initialized(
        PeerProcess.start(
            List.of("sh", "-c", "ulimit -n $(ulimit -Hn); exec \"$@\"", "sh"),
            List.of(
                "-Xmx256m",
                "-XX:MaxDirectMemorySize=64m",
                "-Xlog:gc:file=" + gcLog + "::filecount=0"),
            Map.of()));
  }

  private static Callable<Long> rounds(Honest honest, AtomicBoolean over) {
    return () -> {
      long before = honest.rounds;
      while (!over.get()) {
        honest.round();
      }
      return honest.rounds - before;
    };
  }

  private static void flood(Strangers strangers) throws Exception {
    int percent = Math.min(PERCENT, percentOfOpenFiles());
    int large = NOTIFICATIONS * percent / 100;
    say("notifications", strangers.sendNotifications(large, 900_000), large);
    int metadata = METADATA_REQUESTS * percent / 100;
    say("Metadata requests", strangers.sendMetadata(metadata, 3 * MIB), metadata);
    int resets = RESETS * percent / 100;
    say("resets with answers pending", strangers.reset(resets), resets);
    int askers = ASKERS * percent / 100;
    // Here and below: one address may have only so many, and the others are closed as they come.
    System.out.println(
        "FloodTest: that ask and never read: "
            + strangers.askAndNeverRead(askers)
            + " of "
            + askers);
    int silent = SILENT * percent / 100;
    say("silent at the data port", strangers.beSilent(silent, false), silent);
    say("silent at the handshake port", strangers.beSilent(silent, true), silent);
    System.out.println("FloodTest: resets beside all of them: " + strangers.reset(resets / 10));
    System.out.println(
        "FloodTest: notifications beside all of them: " + strangers.sendNotifications(20, 900_000));
  }

  private static void say(String what, int done, int of) {
    System.out.println("FloodTest: " + what + ": " + done + " of " + of);
    assertThat(done).as("strangers that got as far as they meant to: %s", what).isEqualTo(of);
  }

  /** All of them are open at once in this process. */
  private static int percentOfOpenFiles() throws IOException {
    String limits = Files.readString(Path.of("/proc/self/limits"));
    String files = limits.lines().filter(line -> line.startsWith("Max open files")).findAny().get();
    String soft = files.substring("Max open files".length()).trim().split("\\s+", 2)[0];
    long open = soft.equals("unlimited") ? Long.MAX_VALUE : Long.parseLong(soft);
    long needed = 2L * SILENT + ASKERS + OWN_DESCRIPTORS;
    if (open >= needed) {
      return 100;
    }
    long percent = Math.max(1, 100 * (open - OWN_DESCRIPTORS) / (needed - OWN_DESCRIPTORS));
    System.out.println("FloodTest: " + open + " open files allow " + percent + " % of the flood");
    return (int) percent;
  }
}
