// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.Strangers.Door;
import io.transferengine.metrics.Gauge;
import io.transferengine.testkit.CollectionLog;
import io.transferengine.testkit.PeerProcess;
import io.transferengine.testkit.TestAuthority;
import io.transferengine.testkit.TestAuthority.Identity;
import io.transferengine.transfer.Operation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Strangers flood an engine in a small JVM while honest peers go on with their work. {@code
 * -Dte.test.floodPercent=100} has all of them, and they stay until the engine has rid itself of
 * them; {@code ./te test} has a part, and they leave.
 */
@Timeout(900)
class FloodTest {
  private static final int MIB = 1 << 20;
  private static final int PERCENT = Integer.getInteger("te.test.floodPercent", 10);
  private static final int RESETS = 10_000;
  private static final int SILENT = 10_000;
  private static final int SILENT_HANDSHAKES = 2_000;
  private static final int ASKERS = 1_500;
  private static final int SLOW = 500;
  private static final int SLOW_HANDSHAKES = 500;
  private static final int HALF_SHAKEN = 5_000;
  private static final int NOTIFICATIONS = 300;
  private static final int METADATA_REQUESTS = 300;

  /** Until the connection is there on which callers move single blocks themselves. */
  private static final int CALLERS_ROUNDS = 10;

  /** For the figures of the full flood: ciphers that are not compiled yet are slow without it. */
  private static final int WARM_UP_ROUNDS = 300;

  /** Descriptors of this process that are no stranger's. */
  private static final int OWN_DESCRIPTORS = 2_000;

  /** As long as an inbound connection may be silent, and a little more to see it. */
  private static final Duration BASELINE_LIMIT = Duration.ofSeconds(65);

  /** Code that was loaded and compiled meanwhile, and what the log keeps. */
  private static final long HEAP_SLACK_BYTES = 8L << 20;

  /** Both compilers, as in earnest: the quick one alone makes ciphers some 50 times slower. */
  private static final String FAST_CIPHERS = "-XX:TieredStopAtLevel=4";

  @TempDir private static Path folder;
  private static Identity identity;

  @BeforeAll
  static void certificate() {
    identity = new TestAuthority(folder, "authority").loopback("engine");
  }

  private record Figures(long descriptors, long threads, long directBytes, long heapBytes) {
    static Figures of(PeerProcess peer) {
      Path process = Path.of("/proc", Long.toString(peer.process().pid()));
      return new Figures(
          entries(process.resolve("fd")),
          entries(process.resolve("task")),
          Long.parseLong(peer.ask("direct")),
          Long.parseLong(peer.ask("heap")));
    }

    boolean isAtMost(Figures other) {
      return descriptors <= other.descriptors
          && threads <= other.threads
          && directBytes <= other.directBytes
          && heapBytes <= other.heapBytes + HEAP_SLACK_BYTES;
    }

    private static long entries(Path folder) {
      try (Stream<Path> entries = Files.list(folder)) {
        return entries.count();
      } catch (IOException e) {
        throw new AssertionError(e);
      }
    }
  }

  /** From where the strangers come, whether with TLS, and how much direct memory there is. */
  @ParameterizedTest
  @CsvSource({"127.0.0.2,false,64m", "127.0.0.1,false,64m", "127.0.0.2,true,0"})
  void honestPeersGoOnAndNothingIsLeft(String from, boolean tls, String directMemory)
      throws Exception {
    Map<String, String> variables = new HashMap<>(tls ? identity.variables() : Map.of());
    variables.put("TE_TLS_PLAIN_PEERS", HonestPeers.PLAIN_FROM);
    CollectionLog collections = new CollectionLog(Files.createTempFile(folder, "gc", ".log"));
    try (PeerProcess target = start(collections, directMemory, variables)) {
      long victim = target.allocate(MIB);
      int port = (int) target.call("getRpcPort");
      int dataPort = RawInitiator.dataPort(HonestPeers.PLAIN_FROM, port);
      // One lane, so that all its connections are there from the start.
      variables.put("MC_TCP_LANES_PER_PEER", "1");
      try (HonestPeers honest =
              new HonestPeers(
                  PeerProcess.initialized(
                      PeerProcess.start(List.of(), List.of(FAST_CIPHERS), variables)),
                  target,
                  dataPort);
          Strangers strangers =
              new Strangers(
                  from,
                  port,
                  dataPort,
                  victim,
                  tls ? Optional.of(identity.context()) : Optional.empty())) {
        for (int i = 0; i < (PERCENT < 100 ? CALLERS_ROUNDS : WARM_UP_ROUNDS); i++) {
          honest.round();
        }
        assertThat(strangers.sendNotifications(2, 900_000)).isEqualTo(2);
        assertThat(strangers.sendMetadata(2, 3 * MIB)).isEqualTo(2);
        Figures before = Figures.of(target);
        collections.begin();
        honest.start();
        flood(strangers, honest, tls);
        aNewcomerIsServed(target, victim, tls);
        honest.stop();
        say("of 1 MiB, writes", honest.times());
        say("collections", collections.toString());
        say("counted", target.ask("counters"));
        say("memory", memory(target));
        assertThat(collections.causes()).as("collections").isNotEmpty();
        assertThat(collections.causes()).noneMatch(cause -> cause.contains("System.gc()"));
        if (PERCENT < 100) {
          strangers.leave();
        }
        target.ask("notifies");
        nothingIsLeft(target, before);
        honest.round();
      }
      assertThat(target.log()).noneMatch(line -> line.contains("OutOfMemoryError"));
    }
  }

  /** {@return what the system says of it: now, and at the most} */
  private static String memory(PeerProcess target) throws IOException {
    Path status = Path.of("/proc", Long.toString(target.process().pid()), "status");
    return Files.readAllLines(status).stream()
        .filter(line -> line.startsWith("VmRSS") || line.startsWith("VmHWM"))
        .map(line -> line.replaceAll("\\s+", " "))
        .collect(Collectors.joining(", "));
  }

  private static void nothingIsLeft(PeerProcess target, Figures before) {
    long startNanos = System.nanoTime();
    Awaitility.await()
        .atMost(BASELINE_LIMIT)
        .pollInterval(Duration.ofMillis(500))
        .untilAsserted(
            () -> {
              assertThat(target.ask("counters")).doesNotContain(Gauge.INBOUND_BYTES_QUEUED.name());
              assertThat(Figures.of(target))
                  .as("before: %s", before)
                  .matches(after -> after.isAtMost(before), "no more than before");
            });
    say(
        "nothing left",
        "after %d ms".formatted(TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startNanos)));
  }

  /** While the silent ones are there still, it asks for the descriptor and makes connections. */
  private static void aNewcomerIsServed(PeerProcess target, long remote, boolean tls) {
    try (TestEngine newcomer =
        new TestEngine(MIB, b -> tls ? TlsTransferTest.with(b, identity) : b)) {
      for (Operation operation : Operation.values()) {
        TestEngine.assertCompleted(newcomer.submit(operation, target.name(), remote, MIB));
      }
    }
  }

  private static PeerProcess start(
      CollectionLog collections, String directMemory, Map<String, String> variables) {
    List<String> options = new ArrayList<>(collections.options());
    options.addAll(List.of("-Xmx256m", "-XX:MaxDirectMemorySize=" + directMemory, FAST_CIPHERS));
    return PeerProcess.initialized(
        PeerProcess.start(
            List.of("sh", "-c", "ulimit -n $(ulimit -Hn); exec \"$@\"", "sh"), options, variables));
  }

  private static void flood(Strangers strangers, HonestPeers honest, boolean tls) throws Exception {
    Flood flood = new Flood(honest, Math.min(PERCENT, percentOfOpenFiles()));
    flood.all("notifications", NOTIFICATIONS, n -> strangers.sendNotifications(n, 900_000));
    flood.all("Metadata requests", METADATA_REQUESTS, n -> strangers.sendMetadata(n, 3 * MIB));
    if (tls) {
      for (Door door : Door.values()) {
        flood.all("resets in TLS, " + door, RESETS / 2, n -> strangers.resetHalfShaken(n, door));
        flood.some("that end amid TLS, " + door, HALF_SHAKEN, n -> strangers.shakeHalf(n, door));
      }
      strangers.leave();
    }
    // With TLS each costs the two processors of a small machine some 10 ms.
    boolean fewer = tls && PERCENT < 100;
    flood.all("resets with answers pending", fewer ? RESETS / 5 : RESETS, strangers::reset);
    flood.all("silent at the data port", SILENT, n -> strangers.beSilent(n, Door.DATA));
    flood.all(
        "silent at the RPC port", SILENT_HANDSHAKES, n -> strangers.beSilent(n, Door.HANDSHAKE));
    // Here and below: one address may have only so many, and the others are closed as they come.
    flood.some("that ask and never read", ASKERS, strangers::askAndNeverRead);
    flood.some("slow at the data port", SLOW, n -> strangers.beSlow(n, Door.DATA));
    flood.some("slow at the RPC port", SLOW_HANDSHAKES, n -> strangers.beSlow(n, Door.HANDSHAKE));
    flood.some("resets beside all of them", RESETS / 10, strangers::reset);
    flood.some(
        "notifications beside all of them", 20, n -> strangers.sendNotifications(n, 900_000));
  }

  private interface Wave {
    int come(int count) throws Exception;
  }

  /** Has one wave after another come, and tells how the honest fared meanwhile. */
  private record Flood(HonestPeers honest, int percent) {
    void all(String what, int of, Wave wave) throws Exception {
      assertThat(some(what, of, wave)).as("strangers that got there: %s", what).isEqualTo(part(of));
    }

    int some(String what, int of, Wave wave) throws Exception {
      int count = part(of);
      String _ = honest.lap();
      long startNanos = System.nanoTime();
      int done = wave.come(count);
      long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startNanos);
      say(what, "%d of %d in %d ms; 1 MiB: %s".formatted(done, count, millis, honest.lap()));
      return done;
    }

    private int part(int of) {
      return Math.max(1, of * percent / 100);
    }
  }

  private static void say(String what, String figures) {
    System.out.println("FloodTest: " + what + ": " + figures);
  }

  /** All of them are open at once in this process. */
  private static int percentOfOpenFiles() throws IOException {
    String limits = Files.readString(Path.of("/proc/self/limits"));
    String files = limits.lines().filter(line -> line.startsWith("Max open files")).findAny().get();
    String soft = files.substring("Max open files".length()).trim().split("\\s+", 2)[0];
    long open = soft.equals("unlimited") ? Long.MAX_VALUE : Long.parseLong(soft);
    long strangers = (long) SILENT + SILENT_HANDSHAKES + ASKERS + SLOW + SLOW_HANDSHAKES;
    if (open >= strangers + OWN_DESCRIPTORS) {
      return 100;
    }
    long percent = Math.max(1, 100 * (open - OWN_DESCRIPTORS) / strangers);
    say("open files", open + " allow " + percent + " % of the flood");
    return (int) percent;
  }
}
