// SPDX-License-Identifier: Apache-2.0
package io.transferengine.exposition;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.metrics.Counter;
import io.transferengine.metrics.FailureCause;
import io.transferengine.metrics.Gauge;
import io.transferengine.metrics.LatencyHistogram;
import io.transferengine.metrics.MetricsSnapshot;
import io.transferengine.metrics.PeerSnapshot;
import io.transferengine.os.LinuxProcesses;
import io.transferengine.os.Processes;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Figures in a file are those of the engine, whatever becomes of the engine or the file. */
@Timeout(60)
class CountersFileTest {
  @TempDir private Path parent = Path.of("");
  private Path folder = Path.of("");
  private final Processes processes = new LinuxProcesses();
  private final AtomicReference<MetricsSnapshot> figures =
      new AtomicReference<>(MetricsSnapshot.builder().build());

  @BeforeEach
  void chooseTheFolder() {
    folder = parent.resolve("te");
  }

  private CountersFile open() throws IOException {
    return CountersFile.make(
        folder, processes, "host:1", List.of("local", "tcp"), figures::get, System::nanoTime);
  }

  private static MetricsSnapshot some(long seed) {
    Random random = new Random(seed);
    MetricsSnapshot.Builder made = MetricsSnapshot.builder();
    for (Counter each : Counter.values()) {
      made.counter(each, random.nextLong(Long.MAX_VALUE));
    }
    for (Gauge each : Gauge.values()) {
      made.gauge(each, random.nextLong());
    }
    for (FailureCause each : FailureCause.values()) {
      made.failures(each, random.nextInt(1000));
    }
    long[] latencies = random.longs(LatencyHistogram.bucketCount(), 0, 1000).toArray();
    return made.latency(LatencyHistogram.of(latencies))
        .peer("a peer with blanks", PeerSnapshot.builder().bytesRead(random.nextInt(9)).build())
        .peer("[::1]:2", PeerSnapshot.builder().transfersFailed(4).bytesWritten(5).build())
        .build();
  }

  /** A disk that stands still holds up one thread, and nobody else. */
  @Test
  void oneWriteIsUnderWayAtATime() throws IOException {
    List<Runnable> begun = new ArrayList<>();
    try (CountersFile file = open()) {
      file.refreshOn(begun::add);
      file.refreshOn(begun::add);
      assertThat(begun).hasSize(1);
      begun.getFirst().run();
      file.refreshOn(begun::add);
      assertThat(begun).hasSize(2);
      assertThatExceptionOfType(RejectedExecutionException.class)
          .isThrownBy(
              () -> {
                begun.getLast().run();
                file.refreshOn(
                    task -> {
                      throw new RejectedExecutionException("no thread");
                    });
              });
      file.refreshOn(Runnable::run);
      assertThat(CountersFolder.read(file.path()).number()).isEqualTo(4);
    }
  }

  @Test
  void anEngineInWhichNothingHappensWritesLessOften() throws IOException {
    AtomicLong changes = new AtomicLong();
    try (CountersFile file =
        CountersFile.make(
            folder, processes, "host:1", List.of("tcp"), figures::get, changes::get)) {
      List<Long> numbers = new ArrayList<>();
      for (int i = 0; i < 2 * CountersFile.IDLE_LOOKS; i++) {
        file.refreshOn(Runnable::run);
        numbers.add(CountersFolder.read(file.path()).number());
      }
      assertThat(numbers).containsExactly(2L, 2L, 2L, 2L, 3L, 3L, 3L, 3L, 3L, 4L);
      changes.set(7);
      file.refreshOn(Runnable::run);
      assertThat(CountersFolder.read(file.path()).number()).isEqualTo(5);
      // Else its last second would be shown for as long as it is idle.
      file.refreshOn(Runnable::run);
      file.refreshOn(Runnable::run);
      assertThat(CountersFolder.read(file.path()).number()).isEqualTo(6);
    }
  }

  @Test
  void whatIsWrittenIsReadAgain() throws IOException {
    try (CountersFile file = open()) {
      for (int i = 0; i < 5; i++) {
        figures.set(some(i));
        file.refreshOn(Runnable::run);
        CountersRecord read = CountersFolder.read(file.path());
        assertThat(read.figures()).isEqualTo(figures.get());
        assertThat(read.number()).isEqualTo(i + 2);
        assertThat(read.segment()).isEqualTo("host:1");
        assertThat(read.transports()).containsExactly("local", "tcp");
        assertThat(read.peersOmitted()).isZero();
        assertThat(read.owner().fate(processes)).isEqualTo(CountersRecord.Fate.RUNS);
      }
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file.path())))
          .isEqualTo("rw-------");
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(folder)))
          .isEqualTo("rwx------");
    }
    assertThat(CountersFolder.files(folder)).isEmpty();
  }

  @Test
  void aShorterRecordEndsWhereItEnds() throws IOException {
    try (CountersFile file = open()) {
      figures.set(some(1));
      file.refreshOn(Runnable::run);
      file.refreshOn(Runnable::run);
      figures.set(MetricsSnapshot.builder().build());
      file.refreshOn(Runnable::run);
      file.refreshOn(Runnable::run);
      assertThat(CountersFolder.read(file.path()).figures()).isEqualTo(figures.get());
    }
  }

  @Test
  void ofManyPeersThoseThatMovedTheMostAreThere() throws IOException {
    MetricsSnapshot.Builder many = MetricsSnapshot.builder();
    for (int i = 0; i < 1000; i++) {
      // Three bytes a character: names as long as names can be leave some room.
      String name = "%04d".formatted(i) + "\u4e2d".repeat(290);
      many.peer(name, PeerSnapshot.builder().bytesRead(i).build());
    }
    figures.set(many.build());
    try (CountersFile file = open()) {
      CountersRecord read = CountersFolder.read(file.path());
      int there = read.figures().peers().size();
      assertThat(there).isBetween(10, CountersText.PEERS_MAX);
      assertThat(read.peersOmitted()).isEqualTo(1000 - there);
      assertThat(read.figures().peers().keySet()).allMatch(name -> name.compareTo("08") > 0);
    }
  }

  /** Killed while it writes: the record before it is whole. */
  @Test
  void halfARecordLeavesTheOneBefore() throws IOException {
    try (CountersFile file = open()) {
      figures.set(some(1));
      file.refreshOn(Runnable::run);
      MetricsSnapshot before = figures.get();
      byte[] whole = Files.readAllBytes(file.path());
      figures.set(some(2));
      file.refreshOn(Runnable::run);
      byte[] next = Files.readAllBytes(file.path());
      for (int cut = 0; cut < CountersText.BYTES_MAX; cut += 97) {
        byte[] torn = Arrays.copyOf(next, whole.length);
        System.arraycopy(whole, cut, torn, cut, CountersText.BYTES_MAX - cut);
        Path copy = Files.write(folder.resolve("1-0.counters"), torn);
        assertThat(CountersFolder.read(copy).figures()).isIn(before, figures.get());
      }
    }
  }

  /** The sum is right; what stands there would end who computes with it. */
  @Test
  void countsThatAreNoneAreRefused() throws IOException {
    String good;
    try (CountersFile file = open()) {
      good = Files.readString(file.path());
    }
    assertThat(CountersText.read(withCount(good, 5))).isPresent();
    for (long count : new long[] {-5, Long.MAX_VALUE}) {
      assertThat(CountersText.read(withCount(good, count))).as("%d", count).isEmpty();
    }
  }

  private static byte[] withCount(String record, long count) {
    return summed(
        record
            .substring(0, record.indexOf("\nend ") + 1)
            .replaceFirst("\nmicros ([0-9]+) [0-9]+", "\nmicros $1 " + count));
  }

  @Test
  void hostileFilesAreRefusedWithTheirName() throws IOException {
    Random random = new Random(7);
    byte[] good;
    try (CountersFile file = open()) {
      figures.set(some(3));
      file.refreshOn(Runnable::run);
      good = Files.readAllBytes(file.path());
    }
    Path file = folder.resolve("1-0.counters");
    for (int i = 0; i < 2000; i++) {
      byte[] bad = Arrays.copyOf(good, random.nextInt(good.length + 1));
      for (int flips = random.nextInt(4); flips > 0 && bad.length > 0; flips--) {
        bad[random.nextInt(bad.length)] ^= (byte) (1 << random.nextInt(8));
      }
      Files.write(file, bad);
      try {
        assertThat(CountersFolder.read(file).figures()).isIn(some(3), emptyFigures());
      } catch (IOException refused) {
        assertThat(refused).hasMessageContaining(file.toString());
      }
    }
  }

  private static MetricsSnapshot emptyFigures() {
    return MetricsSnapshot.builder().build();
  }

  /** Whoever makes a file can make its sum, too. */
  @Test
  void linesThatMeanNothingAreRefused() throws IOException {
    Files.createDirectory(folder);
    Path file = folder.resolve("1-0.counters");
    for (String lines :
        List.of(
            "",
            "pid\n",
            "pid x\n",
            "counter\n",
            "counter BYTES_READ\n",
            "counter BYTES_READ 99999999999999999999\n",
            "micros x 1\n",
            "micros -9223372036854775808 1\n",
            "peer 1 2 3\n",
            "\n\n\n")) {
      Files.writeString(file, CountersText.FIRST_LINE + lines + "end ");
      refused(file);
      Files.write(file, summed(CountersText.FIRST_LINE + lines));
      refused(file);
    }
    Files.write(file, new byte[0]);
    refused(file);
    Files.delete(file);
    Files.createSymbolicLink(file, Path.of("/etc/passwd"));
    assertThatThrownBy(() -> CountersFolder.read(file)).hasMessageContaining("no regular file");
  }

  private static void refused(Path file) {
    assertThatThrownBy(() -> CountersFolder.read(file))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(file.toString())
        .hasMessageContaining("is no counters file");
  }

  private static byte[] summed(String body) {
    CRC32C crc = new CRC32C();
    crc.update(body.getBytes(StandardCharsets.UTF_8));
    return (body + "end " + Long.toString(crc.getValue(), 16) + "\n")
        .getBytes(StandardCharsets.UTF_8);
  }

  @Test
  void namesOfAHostileFileSteerNoTerminal() throws IOException {
    byte[] good;
    try (CountersFile file = open()) {
      good = Files.readAllBytes(file.path());
    }
    int end = new String(good, StandardCharsets.UTF_8).indexOf("end ");
    String body =
        new String(good, 0, end, StandardCharsets.UTF_8)
            .replace("segment host:1", "segment \u001b[2Jx")
            .replace("peers-omitted 0", "peer 1 2 3 4 \u009b2J\u202e\npeers-omitted 0");
    Path file = Files.write(folder.resolve("1-0.counters"), summed(body));
    CountersRecord read = CountersFolder.read(file);
    assertThat(read.segment()).isEqualTo(" [2Jx");
    assertThat(read.figures().peers()).containsOnlyKeys(" 2J ");
  }

  /** A full disk, say: the engine does not notice, and goes on with the next. */
  @Test
  void aFileThatIsCutShortOrTakenAwayHarmsNobody() throws IOException {
    try (CountersFile file = open()) {
      try (RandomAccessFile other = new RandomAccessFile(file.path().toFile(), "rw")) {
        other.setLength(10);
      }
      refused(file.path());
      file.refreshOn(Runnable::run);
      file.refreshOn(Runnable::run);
      assertThat(CountersFolder.read(file.path()).number()).isEqualTo(3);
      Files.delete(file.path());
      file.refreshOn(Runnable::run);
    }
  }

  @Test
  void figuresThatCannotBeHadLeaveTheLastOnes() throws IOException {
    try (CountersFile file =
        CountersFile.make(
            folder,
            processes,
            "host:1",
            List.of("tcp"),
            () -> {
              MetricsSnapshot now = Objects.requireNonNull(figures.get());
              if (now.get(Counter.LAST_RESORTS) > 0) {
                throw new OutOfMemoryError("in a test");
              }
              return now;
            },
            System::nanoTime)) {
      figures.set(MetricsSnapshot.builder().counter(Counter.LAST_RESORTS, 1).build());
      file.refreshOn(Runnable::run);
      assertThat(CountersFolder.read(file.path()).number()).isEqualTo(1);
    }
  }

  @Test
  void aFolderOfOthersIsNotUsed() throws IOException {
    Files.createDirectory(folder);
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxrwxrwx"));
    assertThatThrownBy(this::open).hasMessageContaining("others may write to");
    Files.delete(folder);
    Files.createSymbolicLink(folder, parent);
    assertThatThrownBy(this::open).hasMessageContaining("is no folder");
    Files.delete(folder);
    Files.writeString(folder, "");
    assertThatThrownBy(this::open).hasMessageContaining("is no folder");
  }

  /** A copy of an engine's file, of a process that has this number and began then. */
  private Path fileOf(int pid, long startTicks, int random) throws IOException {
    byte[] own;
    try (CountersFile file = open()) {
      own = Files.readAllBytes(file.path());
    }
    int end = new String(own, StandardCharsets.UTF_8).indexOf("end ");
    String body =
        new String(own, 0, end, StandardCharsets.UTF_8)
            .replaceFirst("\npid .*", "\npid " + pid)
            .replaceFirst("\nprocess-start .*", "\nprocess-start " + startTicks);
    return Files.write(folder.resolve(CountersFolder.name(pid, random)), summed(body));
  }

  @Test
  void filesOfProcessesThatHaveEndedStayForAWhile() throws IOException {
    long start = processes.startOf(processes.own());
    Path living = fileOf(processes.own(), start, 1);
    // The number is that of a process, but of another one.
    Path reused = fileOf(processes.own(), start - 1, 2);
    assertThat(CountersFolder.read(living).owner().fate(processes))
        .isEqualTo(CountersRecord.Fate.RUNS);
    assertThat(CountersFolder.read(reused).owner().fate(processes))
        .isEqualTo(CountersRecord.Fate.GONE);
    Instant old = Instant.now().minus(Duration.ofDays(2));
    Files.setLastModifiedTime(living, FileTime.from(old));
    open().close();
    assertThat(CountersFolder.files(folder)).containsExactlyInAnyOrder(living, reused);
    Files.setLastModifiedTime(reused, FileTime.from(old));
    open().close();
    assertThat(CountersFolder.files(folder)).containsExactly(living);
  }

  @Test
  void ofManyThatHaveEndedTheNewestStay() throws IOException {
    Path living = fileOf(processes.own(), processes.startOf(processes.own()), 1);
    for (int i = 0; i < 2 * CountersFolder.GONE_MAX; i++) {
      Path gone = Files.writeString(folder.resolve("2147483647-" + i + ".counters"), "");
      Instant then = Instant.now().minus(Duration.ofMinutes(i));
      Files.setLastModifiedTime(gone, FileTime.from(then));
    }
    open().close();
    assertThat(CountersFolder.files(folder))
        .hasSize(CountersFolder.GONE_MAX + 1)
        .contains(living, folder.resolve("2147483647-0.counters"));
  }

  /** Whether they have ended cannot be seen; containers that come and go would leave them all. */
  @Test
  void ofManyInOtherNamespacesTheSilentCountAsEnded() throws IOException {
    byte[] own = Files.readAllBytes(fileOf(processes.own(), 1, 0));
    String text = new String(own, StandardCharsets.UTF_8);
    byte[] elsewhere =
        summed(
            text.substring(0, text.indexOf("\nend ") + 1)
                .replaceFirst("\npid-namespace .*", "\npid-namespace 1"));
    List<Path> all = new ArrayList<>();
    for (int i = 0; i < 2 * CountersFolder.GONE_MAX; i++) {
      all.add(Files.write(folder.resolve("1-" + i + ".counters"), elsewhere));
    }
    open().close();
    assertThat(CountersFolder.files(folder)).containsAll(all);
    Instant then = Instant.now().minus(Duration.ofHours(2));
    for (Path each : all) {
      Files.setLastModifiedTime(each, FileTime.from(then));
    }
    open().close();
    assertThat(CountersFolder.files(folder)).hasSize(CountersFolder.GONE_MAX);
  }
}
