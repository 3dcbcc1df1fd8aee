// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.top;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import io.transferengine.cli.CommandRun;
import io.transferengine.config.Settings;
import io.transferengine.diagnostics.EngineCounters;
import io.transferengine.exposition.CountersFile;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.FailureCause;
import io.transferengine.metrics.Gauge;
import io.transferengine.metrics.MetricsSnapshot;
import io.transferengine.testkit.PeerProcess;
import io.transferengine.topology.FakeMachine;
import io.transferengine.topology.RailCounters;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code te top} beside engines in processes of their own. */
@Timeout(180)
class TopCommandTest {
  private static final long BYTES = 1 << 20;
  private static final Duration LIMIT = Duration.ofSeconds(30);

  @TempDir private Path parent = Path.of("");
  private Path folder = Path.of("");
  private final List<PeerProcess> peers = new ArrayList<>();

  @BeforeEach
  void start() {
    folder = parent.resolve("te");
  }

  @AfterEach
  void end() {
    peers.forEach(PeerProcess::close);
  }

  private PeerProcess engine() {
    PeerProcess made = PeerProcess.initialized(Map.of("TE_COUNTERS", folder.toString()));
    peers.add(made);
    return made;
  }

  private CommandRun top(String... arguments) throws IOException, InterruptedException {
    List<String> all = new ArrayList<>(List.of("top", "--folder", folder.toString()));
    all.addAll(Arrays.asList(arguments));
    return CommandRun.of(all.toArray(String[]::new));
  }

  private static Sample sample(Path file) throws IOException {
    return new Sample(EngineCounters.read(file), Optional.empty());
  }

  private static TopView view(int width, int height) {
    return new TopView(width, height, Order.RATE, Optional.empty(), Instant.now());
  }

  @Test
  void figuresAreThoseOfTheEngines() throws Exception {
    PeerProcess here = engine();
    PeerProcess there = engine();
    long local = here.allocate(BYTES);
    long remote = there.allocate(BYTES);
    assertThat(here.call("transferSyncWrite", there.name(), local, remote, BYTES)).isZero();
    Path file =
        EngineCounters.files(folder).stream()
            .filter(each -> each.getFileName().toString().startsWith(pid(here) + "-"))
            .findFirst()
            .orElseThrow();
    await()
        .atMost(LIMIT)
        .until(() -> EngineCounters.read(file).metrics().get(Counter.BYTES_WRITTEN) == BYTES);
    CommandRun run = top("--once", "--plain");
    assertThat(run.error()).isEmpty();
    assertThat(run.status()).isZero();
    assertThat(run.output()).contains("2 engines", here.name(), there.name(), "written 1MB");
    CommandRun json = top("--once", "--json", pid(here));
    assertThat(json.status()).isZero();
    assertThat(json.output().lines()).hasSize(1);
    assertThat(json.output())
        .contains("\"BYTES_WRITTEN\":" + BYTES, "\"process\":\"RUNS\"", "\"interval_s\":");
    try (JsonParser parser = new JsonFactory().createParser(json.output())) {
      while (parser.nextToken() != null) {
        assertThat(parser.currentToken()).isNotNull();
      }
    }
    for (Counter each : Counter.values()) {
      assertThat(json.output()).contains('"' + each.name() + "\":");
    }
    for (Gauge each : Gauge.values()) {
      assertThat(json.output()).contains('"' + each.name() + "\":");
    }
    for (FailureCause each : FailureCause.values()) {
      assertThat(json.output()).contains('"' + each.name() + "\":");
    }
    CommandRun none = top("--once", "nobody:1");
    assertThat(none.status()).isEqualTo(1);
    assertThat(none.error()).contains("there is no engine 'nobody:1' here");
  }

  private static String pid(PeerProcess peer) {
    return Long.toString(peer.process().pid());
  }

  @Test
  void theLastFiguresOfAKilledProcessAreThere() throws Exception {
    PeerProcess killed = engine();
    String name = killed.name();
    killed.kill();
    CommandRun run = top("--once");
    assertThat(run.status()).isZero();
    assertThat(run.output()).contains(name, "the process is gone; figures of");
    assertThat(top("--once", "--json").output()).contains("\"process\":\"GONE\"");
    areManyGone(name);
  }

  /** As after a soak, whose processes are killed by the dozen. */
  private void areManyGone(String name) throws IOException {
    Path left = Files.copy(EngineCounters.files(folder).getFirst(), parent.resolve("left"));
    for (int i = 1; i < 40; i++) {
      Files.copy(left, folder.resolve("1-" + i + ".counters"));
    }
    Settings settings = Settings.fromMap(Map.of("TE_COUNTERS", folder.toString()));
    try (CountersFile _ =
        CountersFile.open(
                settings, "here:1", List.of("tcp"), MetricsSnapshot.builder()::build, () -> 0)
            .orElseThrow()) {
      // This has removed all but 16.
      Files.copy(left, folder.resolve("1-fff.counters"));
      Sampler sampler = new Sampler(() -> EngineCounters.files(folder), any -> true);
      List<Sample> samples = sampler.look();
      assertThat(samples).hasSize(18);
      List<String> lines = view(80, 24).lines(samples, List.of(), List.of());
      assertThat(lines.getFirst()).contains("  1 engine by rate, 17 gone; bytes, transfers per ");
      assertThat(lines.get(2)).contains("here:1");
      assertThat(lines).filteredOn(line -> line.contains("the process is gone;")).hasSize(3);
      assertThat(lines).contains("  (14 more)");
      assertThat(view(100, 1000).lines(samples, List.of(), List.of()))
          .filteredOn(line -> line.contains(name + " "))
          .hasSize(16);
      for (Order each : Order.values()) {
        assertThat(samples.stream().sorted(each.engines()).toList().getFirst().isGone()).isFalse();
      }
      // What nobody writes any more is read once.
      Path last = folder.resolve("1-fff.counters");
      FileTime written = Files.getLastModifiedTime(last);
      Files.write(last, new byte[10]);
      Files.setLastModifiedTime(last, written);
      assertThat(sampler.look()).hasSize(18);
      assertThat(sampler.problems()).isEmpty();
      // On another machine its engine may be there, and write.
      Files.setLastModifiedTime(last, FileTime.from(written.toInstant().plusSeconds(1)));
      assertThat(sampler.look()).hasSize(17);
      assertThat(sampler.problems()).singleElement().asString().contains(last.toString());
    }
  }

  @Test
  void aFileThatIsNoneIsNamed() throws Exception {
    Files.createDirectory(folder);
    Path bad = Files.write(folder.resolve("1-0.counters"), new byte[1 << 20]);
    CommandRun run = top("--once");
    assertThat(run.status()).isEqualTo(1);
    assertThat(run.error()).contains("te: " + bad + " is no counters file of an engine");
    assertThat(run.error().lines()).hasSize(1);
    PeerProcess here = engine();
    CommandRun beside = top("--once");
    assertThat(beside.status()).isEqualTo(1);
    assertThat(beside.output()).contains(here.name(), "unreadable: " + bad);
    CommandRun named = CommandRun.of("top", "--once", bad.toString());
    assertThat(named.error()).contains(bad.toString());
    assertThat(CommandRun.of("top", "--once", parent.resolve("none").toString()).error())
        .contains("there is no file");
    assertThat(CommandRun.of("top", "--once", parent.toString()).error())
        .contains("is no regular file");
  }

  @Test
  void anEmptyFolderIsSaidToBeEmpty() throws Exception {
    CommandRun run = top("--once");
    assertThat(run.status()).isEqualTo(1);
    assertThat(run.error()).contains("no engine has a file of figures here");
    assertThat(top("--interval", "0").status()).isEqualTo(2);
    assertThat(top("--sort", "colour").status()).isEqualTo(2);
  }

  @Test
  void everyScreenHasItsLines() throws IOException {
    engine();
    engine();
    List<Sample> samples = new ArrayList<>();
    for (Path file : EngineCounters.files(folder)) {
      samples.add(sample(file));
    }
    List<Rail> rails = new Rail.Looks(() -> RailCounters.find(machine().sys())).look();
    assertThat(rails).hasSize(2);
    for (int width = 1; width < 200; width += width < 90 ? 1 : 17) {
      for (int height = 1; height < 40; height += 3) {
        List<String> lines = view(width, height).lines(samples, rails, List.of("x".repeat(300)));
        assertThat(lines).hasSizeLessThanOrEqualTo(height);
        for (String line : lines) {
          assertThat(line).hasSizeLessThanOrEqualTo(width);
        }
      }
    }
    TopView first = view(80, 24);
    Path second = first.beside(samples, 1).orElseThrow();
    assertThat(first.beside(samples, -1)).contains(second);
    assertThat(first.beside(samples, 2)).isNotEqualTo(Optional.of(second));
    TopView chosen = new TopView(80, 24, Order.NAME, Optional.of(second), Instant.now());
    assertThat(chosen.lines(samples, rails, List.of()))
        .filteredOn(line -> line.startsWith(">"))
        .singleElement()
        .satisfies(
            line -> assertThat(line).contains(" " + EngineCounters.read(second).pid() + " "));
    List<String> usual = view(80, 24).lines(samples, rails, List.of());
    assertThat(usual)
        .anyMatch(line -> line.startsWith("memory "))
        .anyMatch(line -> line.startsWith("failures "))
        .anyMatch(line -> line.startsWith("lanes "));
    assertThat(usual.get(1)).endsWith("FAIL");
    assertThat(samples)
        .as("the first by its order, whichever that is")
        .anyMatch(each -> usual.get(2).contains(each.now().segmentName()));
    String all = String.join("\n", usual);
    assertThat(all.getBytes(StandardCharsets.US_ASCII))
        .as("ssh and old terminals: ASCII alone")
        .isEqualTo(all.getBytes(StandardCharsets.UTF_8));
  }

  /** Two ports, as a driver and as soft-RoCE count them. */
  private FakeMachine machine() {
    FakeMachine machine = new FakeMachine(parent).software("mlx5_0").software("rxe0");
    count(machine, "mlx5_0", "counters/port_rcv_data", "1000");
    count(machine, "mlx5_0", "counters/port_xmit_data", "18446744073709551615");
    count(machine, "mlx5_0", "counters/port_rcv_packets", "10");
    count(machine, "mlx5_0", "counters/symbol_error", "0");
    count(machine, "mlx5_0", "hw_counters/out_of_sequence", "7");
    count(machine, "mlx5_0", "hw_counters/lifespan", "10");
    count(machine, "mlx5_0", "hw_counters/broken", "many");
    count(machine, "rxe0", "hw_counters/sent_pkts", "5");
    count(machine, "rxe0", "hw_counters/rcvd_pkts", "6");
    return machine;
  }

  private static void count(FakeMachine machine, String device, String counter, String value) {
    machine.write(machine.portFolder(device, 1).resolve(counter), value);
  }

  /** What the kernel counts, beside what the engines do. */
  @Test
  void portsAreShownWithWhatGrowsFirst() throws Exception {
    FakeMachine machine = machine();
    Rail.Looks looks = new Rail.Looks(() -> RailCounters.find(machine.sys()));
    assertThat(Rail.lines(looks.look()))
        .hasSize(5)
        .anyMatch(line -> line.matches("mlx5_0/1 +ACTIVE +- +- +- +-"))
        .anyMatch(line -> line.equals("  out_of_sequence 7"))
        .anyMatch(line -> line.matches("rxe0/1 +ACTIVE +- +- +- +-"));
    count(machine, "mlx5_0", "counters/port_rcv_data", "2000");
    count(machine, "mlx5_0", "counters/link_downed", "1");
    count(machine, "mlx5_0", "hw_counters/out_of_sequence", "9");
    machine.port("mlx5_0", 1, "1: DOWN", "Ethernet");
    List<Rail> second = looks.look();
    Rail first = second.getFirst();
    assertThat(first.perSecond(RailCounters::bytesReceived).orElseThrow() * first.seconds())
        .isCloseTo(4000, within(1e-6));
    assertThat(first.perSecond(RailCounters::packetsSent)).isEmpty();
    assertThat(first.growth("out_of_sequence")).isEqualTo(2);
    // New since then: how much of it is new, nobody knows.
    assertThat(first.unusual()).isEqualTo("out_of_sequence 9 (+2), link_downed 1");
    assertThat(Rail.lines(second)).anyMatch(line -> line.startsWith("mlx5_0/1     DOWN"));
    assertThat(Rail.lines(List.of())).isEmpty();

    engine();
    CommandRun run = top("--once", "--sys-root", machine.sys().toString());
    assertThat(run.status()).as(run.error()).isZero();
    assertThat(run.output()).contains("RAIL ", "mlx5_0/1", "rxe0/1", "out_of_sequence 9");
    CommandRun json = top("--once", "--json", "--sys-root", machine.sys().toString());
    assertThat(json.output())
        .contains(
            "\"rails\":[{\"device\":\"mlx5_0\",\"port\":1,\"state\":\"DOWN\",",
            "\"received_bytes_per_s\":0.0",
            "\"port_xmit_data\":" + Long.MAX_VALUE)
        .doesNotContain("broken");
  }

  /** Whoever sees a name in {@code te top} finds out what it means. */
  @Test
  void whatTopWarnsOfIsDocumented() throws IOException {
    String page = Files.readString(Path.of("docs", "OPERATING.md"));
    String watched =
        page.substring(page.indexOf("### What to watch"), page.indexOf("## Who may do what"));
    assertThat(EnumSet.complementOf(EnumSet.copyOf(TopView.USUAL)))
        .allSatisfy(each -> assertThat(watched).contains("`" + each + "`"));
  }

  @Test
  void numbersAreShort() {
    assertThat(Brief.bytes(0L)).isEqualTo("0");
    assertThat(Brief.bytes(99.96)).isEqualTo("100");
    assertThat(Brief.bytes(1023)).isEqualTo("1K");
    assertThat(Brief.bytes(1536)).isEqualTo("1.5K");
    assertThat(Brief.bytes(Long.MAX_VALUE)).isEqualTo("8E");
    assertThat(Brief.count(999_600)).isEqualTo("1M");
    assertThat(Brief.count(12_345)).isEqualTo("12.3K");
    assertThat(Brief.micros(200)).isEqualTo("200us");
    assertThat(Brief.micros(2_000_000)).isEqualTo("2s");
    assertThat(Brief.micros(Long.MAX_VALUE)).isEqualTo(">10s");
    assertThat(Brief.cut("abcdef", 4)).isEqualTo("ab..");
    assertThat(Brief.wrapped("watch  ", "ONE 1, TWO 22, THREE 3, FOUR 4", 20, 3))
        .containsExactly("watch  ONE 1,", "       TWO 22,", "       THREE 3, FOUR 4");
    assertThat(Brief.wrapped("watch  ", "ONE 1, TWO 2", 20, 3))
        .containsExactly("watch  ONE 1, TWO 2");
    assertThat(Brief.wrapped("watch  ", "LONGER THAN ALL, TWO 2", 3, 2))
        .containsExactly("watch  LONGER THAN ALL,", "       TWO 2");
  }
}
