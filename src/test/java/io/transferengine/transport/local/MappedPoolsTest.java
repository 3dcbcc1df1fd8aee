// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.transferengine.memory.MemoryPool;
import io.transferengine.memory.OffHeapSource;
import io.transferengine.memory.Region;
import io.transferengine.memory.RegionTable;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.FailureCause;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.os.FfmProcessMemory;
import io.transferengine.os.IoVectors;
import io.transferengine.os.LinuxProcesses;
import io.transferengine.os.ProcessMemory;
import io.transferengine.os.Processes;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.PeerBuffers;
import io.transferengine.transport.TransferTask;
import io.transferengine.transport.TransferWork;
import io.transferengine.wire.BufferDescriptor;
import io.transferengine.wire.HostDescriptor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Pools of managed memory that are mapped by who copies from and to them. */
@Timeout(60)
class MappedPoolsTest implements TransferWork.Listener {
  private static final long NUMBER = 0xabcd0123;
  private static final int BYTES = 8192;
  private static final long MIB = 1 << 20;
  private static final long SEED = Long.getLong("seed", System.nanoTime());

  private final LinuxProcesses real = new LinuxProcesses();

  /** What the watch of the peer's process says. */
  private final AtomicBoolean over = new AtomicBoolean();

  private final Told processes =
      new Told() {
        @Override
        public long startOf(int pid) {
          return real.startOf(pid);
        }

        @Override
        public Optional<Watch> watch(int pid, long start) {
          return real.watch(pid, start)
              .map(
                  watch ->
                      new Watch() {
                        @Override
                        public boolean hasEnded() {
                          return over.get() || watch.hasEnded();
                        }

                        @Override
                        public void close() {
                          watch.close();
                        }
                      });
        }
      };

  /** Calls that copy. */
  private final AtomicInteger calls = new AtomicInteger();

  private final ProcessMemory memory =
      new ProcessMemory() {
        private final ProcessMemory kernel = new FfmProcessMemory();

        @Override
        public long read(int pid, IoVectors into, IoVectors from) {
          calls.addAndGet(from.count() > 1 && into.count() > 1 ? 1 : 0);
          return kernel.read(pid, into, from);
        }

        @Override
        public long write(int pid, IoVectors from, IoVectors to) {
          calls.incrementAndGet();
          return kernel.write(pid, from, to);
        }
      };

  private final Area area = new Area(NUMBER);
  private final Leases leases = new Leases(area, _ -> false);
  private final Fences fences = new Fences(area, leases, processes, Duration.ofMillis(300));
  private final RegionTable table = new RegionTable();
  private final MemoryPool pool =
      new MemoryPool(
          64 * MIB, new OffHeapSource("*", false, () -> true), new PoolRegistrar(table, fences));
  private final HostDescriptor host =
      new HostDescriptor("boot", 1, real.own(), real.startOf(real.own()), area.address());
  private final EngineMetrics metrics = new EngineMetrics();
  private final PeerMaps maps =
      new PeerMaps(
          new PeerAreas(
              memory,
              processes,
              real.memfd(real.own(), area.address(), AreaLayout.BYTES, AreaLayout.name(NUMBER))
                  .map(Processes.MemfdFile::device)
                  .orElseThrow()),
          processes,
          metrics,
          _ -> {});
  private final Leases.Lease lease = leases.grant(host, 1, 1).orElseThrow();
  private final PeerMap map = maps.of("peer", host, NUMBER);
  private final PeerPools pools = Objects.requireNonNull(maps.pools(map));
  private final Target target =
      new Target("peer", new HeldLease(host, area.slots(lease.index())), map, pools, (_, _) -> {});
  private final Copier copier = new Copier(memory, real.own(), LocalFaults.mistake());

  private final MemorySegment here = pool.allocate(2 * BYTES);
  private final MemorySegment there = pool.allocate(BYTES);
  private final String file = poolFile();
  private @Nullable TransferState state;
  private @Nullable FailureCause cause;

  /** Whether who submits waits. */
  private boolean awaited;

  MappedPoolsTest() throws IOException {}

  @Override
  public void taskEnded(
      TransferState end, @Nullable TransferException why, @Nullable FailureCause known) {
    state = end;
    cause = known;
  }

  @Override
  public boolean isAwaitedHere() {
    return awaited;
  }

  @AfterEach
  void end() throws IOException {
    maps.end();
    pool.close();
    fences.end(Duration.ofSeconds(1), true);
    assertThat(mappings()).isZero();
  }

  /** {@return how often the pool's file is mapped} Not those of others in this process. */
  private long mappings() throws IOException {
    return maps().stream().filter(line -> file(line).equals(file)).count();
  }

  private String poolFile() throws IOException {
    return maps().stream()
        .filter(line -> isAt(line, here.address()))
        .map(MappedPoolsTest::file)
        .findFirst()
        .orElseThrow();
  }

  private static boolean isAt(String line, long address) {
    String[] ends = line.substring(0, line.indexOf(' ')).split("-", -1);
    return Long.parseUnsignedLong(ends[0], 16) <= address
        && address < Long.parseUnsignedLong(ends[1], 16);
  }

  private static List<String> maps() throws IOException {
    return Files.readAllLines(Path.of("/proc/self/maps"), ISO_8859_1).stream()
        .filter(line -> line.contains("/memfd:" + OffHeapSource.NAME))
        .toList();
  }

  /** {@return the device and the inode in a line} */
  private static String file(String line) {
    String[] fields = line.split(" ", -1);
    return fields[3] + " " + fields[4];
  }

  private Region region() {
    return Objects.requireNonNull(table.find(there.address(), 1));
  }

  private TransferState copied(Operation operation, BufferDescriptor buffer) {
    state = null;
    TransferTask task =
        new TransferTask(
            operation,
            BlockColumns.of(here.address(), there.address(), BYTES),
            region(),
            new PeerBuffers(List.of(buffer)),
            this);
    while (state == null) {
      assertThat(copier.claim(task)).isPositive();
      boolean _ = copier.copy(task, target, 0);
    }
    assertThat(map.word(area.slots(lease.index()) - area.address())).isZero();
    return state;
  }

  private BufferDescriptor published() {
    Region region = region();
    return new BufferDescriptor("peer", region.address(), region.length())
        .withFence(fences.of(region));
  }

  private Gate.Entry entry() {
    long at = AreaLayout.entryAt(fences.of(region()));
    return new Gate.Entry(map.word(at), map.word(at + 8), map.word(at + 16), map.word(at + 24));
  }

  private void awaitMapped() {
    Gate.Entry entry = entry();
    await().until(() -> pools.of(entry) != null);
  }

  @ParameterizedTest
  @EnumSource
  void whatIsMappedIsCopiedWithoutACall(Operation operation) throws Exception {
    (operation == Operation.WRITE ? here : there).fill((byte) 9);
    assertThat(copied(operation, published())).isEqualTo(TransferState.COMPLETED);
    assertThat(here.asSlice(0, BYTES).mismatch(there)).isEqualTo(-1);
    awaitMapped();
    assertThat(mappings()).isEqualTo(2);
    int before = calls.get();
    (operation == Operation.WRITE ? here : there).fill((byte) 8);
    assertThat(copied(operation, published())).isEqualTo(TransferState.COMPLETED);
    assertThat(here.asSlice(0, BYTES).mismatch(there)).isEqualTo(-1);
    assertThat(calls).hasValue(before);
    await().until(() -> metrics.snapshot().get(Counter.LOCAL_POOLS_MAPPED) == 1);
  }

  /** Waking a thread, and being woken, takes longer. */
  @ParameterizedTest
  @EnumSource
  void theSubmittingThreadCopiesMuchWithoutACall(Operation operation) {
    assertMostCopiedHere(operation, Copies.MAPPED_DIRECT_BYTES);
  }

  /** What is given to two threads is over no sooner. */
  @ParameterizedTest
  @EnumSource
  void whoWaitsCopiesMoreOfItWithoutACall(Operation operation) {
    awaited = true;
    assertMostCopiedHere(operation, Copies.MAPPED_ALONE_BYTES);
  }

  /** So many bytes are copied by this thread alone, and one more is not. */
  private void assertMostCopiedHere(Operation operation, long bytes) {
    MemorySegment ours = pool.allocate(2 * bytes);
    MemorySegment theirs = pool.allocate(2 * bytes);
    awaitMapped();
    (operation == Operation.WRITE ? ours : theirs).fill((byte) 4);
    Copies copies = new Copies(memory, real.own());
    int before = calls.get();
    copies.start(target, task(operation, ours, theirs, bytes));
    assertThat(state).isEqualTo(TransferState.COMPLETED);
    assertThat(ours.asSlice(0, bytes).mismatch(theirs.asSlice(0, bytes))).isEqualTo(-1);
    // More is for other threads, too, which have ended or not.
    copies.stop(Duration.ZERO);
    copies.start(target, task(operation, ours, theirs, bytes + 1));
    assertThat(state).isEqualTo(TransferState.FAILED);
    assertThat(calls).hasValue(before);
    pool.free(ours.address(), 2 * bytes);
    pool.free(theirs.address(), 2 * bytes);
  }

  /** Lengths that each way of copying has, at addresses that are multiples of nothing. */
  @ParameterizedTest
  @EnumSource
  void everyByteIsWhereItBelongs(Operation operation) {
    MemorySegment ours = pool.allocate(MIB);
    MemorySegment theirs = pool.allocate(MIB);
    awaitMapped();
    Random random = new Random(SEED);
    Copies copies = new Copies(memory, real.own());
    int before = calls.get();
    for (int bytes : new int[] {1, 4097, 65_535, 65_536, 65_537, 200_003, 1_000_001}) {
      byte[] here = new byte[(int) MIB];
      byte[] there = new byte[(int) MIB];
      random.nextBytes(here);
      random.nextBytes(there);
      MemorySegment.copy(here, 0, ours, ValueLayout.JAVA_BYTE, 0, here.length);
      MemorySegment.copy(there, 0, theirs, ValueLayout.JAVA_BYTE, 0, there.length);
      int hereAt = random.nextInt(1000);
      int thereAt = random.nextInt(1000);
      TransferTask task =
          task(operation, ours.asSlice(hereAt, bytes), theirs.asSlice(thereAt, bytes), bytes);
      copies.start(target, task);
      assertThat(state).isEqualTo(TransferState.COMPLETED);
      if (operation == Operation.WRITE) {
        System.arraycopy(here, hereAt, there, thereAt, bytes);
      } else {
        System.arraycopy(there, thereAt, here, hereAt, bytes);
      }
      assertThat(ours.mismatch(MemorySegment.ofArray(here))).as("seed %d", SEED).isEqualTo(-1);
      assertThat(theirs.mismatch(MemorySegment.ofArray(there))).as("seed %d", SEED).isEqualTo(-1);
    }
    assertThat(calls).hasValue(before);
    copies.stop(Duration.ZERO);
    pool.free(ours.address(), MIB);
    pool.free(theirs.address(), MIB);
  }

  /** A copy that is under way ends, and the next ones are calls. */
  @ParameterizedTest
  @EnumSource
  void aMappingEndsInTheMiddleOfLargeCopies(Operation operation) throws Exception {
    MemorySegment ours = pool.allocate(MIB);
    MemorySegment theirs = pool.allocate(MIB);
    awaitMapped();
    (operation == Operation.WRITE ? ours : theirs).fill((byte) 11);
    PoolMap mapped = Objects.requireNonNull(pools.of(entry()));
    int before = calls.get();
    CountDownLatch copying = new CountDownLatch(10);
    try (ExecutorService thread = Executors.newSingleThreadExecutor()) {
      Future<?> copies =
          thread.submit(
              () -> {
                while (calls.get() < before + 10) {
                  TransferTask task = task(operation, ours, theirs, MIB);
                  assertThat(copier.claim(task)).isOne();
                  assertThat(copier.copy(task, target, 0)).isFalse();
                  assertThat(state).isEqualTo(TransferState.COMPLETED);
                  copying.countDown();
                }
              });
      copying.await();
      assertThat(calls).hasValue(before);
      mapped.close();
      copies.get();
    }
    assertThat(ours.mismatch(theirs)).isEqualTo(-1);
    pool.free(ours.address(), MIB);
    pool.free(theirs.address(), MIB);
  }

  private TransferTask task(
      Operation operation, MemorySegment ours, MemorySegment theirs, long bytes) {
    state = null;
    return new TransferTask(
        operation,
        BlockColumns.of(ours.address(), theirs.address(), bytes),
        region(),
        new PeerBuffers(List.of(published())),
        this);
  }

  @Test
  void aFreedBlockIsRefusedHereToo() {
    awaitMapped();
    BufferDescriptor buffer = published();
    here.fill((byte) 5);
    pool.free(there.address(), BYTES);
    assertThat(copied(Operation.WRITE, buffer)).isEqualTo(TransferState.FAILED);
    assertThat(cause).isEqualTo(FailureCause.REMOTE_REFUSED);
    assertThat(there.get(ValueLayout.JAVA_BYTE, 0)).isZero();
  }

  /** Its memory is there as long as we have it mapped. */
  @ParameterizedTest
  @EnumSource
  void nothingCompletesWhenTheProcessHasEnded(Operation operation) {
    awaitMapped();
    over.set(true);
    assertThat(copied(operation, published())).isEqualTo(TransferState.FAILED);
    assertThat(cause).isEqualTo(FailureCause.STALE_DESCRIPTOR);
    assertThat(target.isLost()).isTrue();
  }

  @Test
  void theMappingOfAPoolThatHasEndedGoes() throws Exception {
    awaitMapped();
    Gate.Entry entry = entry();
    BufferDescriptor old = published();
    Region before = region();
    pool.free(there.address(), BYTES);
    pool.free(here.address(), 2 * BYTES);
    assertThat(pools.of(entry)).isNotNull();
    assertThat(maps.pools()).isOne();
    maps.endThoseOfTheDead();
    assertThat(maps.pools()).isZero();
    assertThat(mappings()).as("the spare").isOne();
    // Who asks for it has it looked at once more, by a thread that takes room meanwhile.
    assertThat(pools.of(entry)).isNull();
    await().until(() -> maps.pools() == 0 && mappings() == 1);
    assertThat(old.fence()).isNotZero();
    assertThat(table.find(before.address(), 1)).isNull();
    // The spare comes back, with another number.
    MemorySegment again = pool.allocate(2 * BYTES);
    assertThat(again.address()).isEqualTo(before.address());
    awaitMapped();
    assertThat(maps.pools()).isOne();
  }

  /** A stopped process goes on in the middle of a copy that is no call. */
  @Test
  void aPoolDoesNotEndWhileAStoppedPeerCopiesPlainly() {
    long slot = area.slots(lease.index());
    processes.stopped.add(real.own());
    Region region = region();
    map.mark(slot, map.word(AreaLayout.GATE_AT) | AreaLayout.BLOCKS);
    fences.refuse(List.of(region)); // That is out of its call.
    fences.admit(List.of(region));
    map.mark(slot, map.word(AreaLayout.GATE_AT) | AreaLayout.BLOCKS | AreaLayout.PLAIN);
    assertThatThrownBy(() -> fences.refuse(List.of(region)))
        .isInstanceOfSatisfying(
            TransferException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.BATCH_BUSY));
    map.clear(slot);
    fences.refuse(List.of(region));
    fences.admit(List.of(region));
  }

  /** Between the mark and the look at the gate. */
  @Test
  void aCopyThatFindsTheGateClosedTouchesNothing() {
    awaitMapped();
    assertThat(copied(Operation.WRITE, published())).isEqualTo(TransferState.COMPLETED);
    Gate known = Objects.requireNonNull(target.gate());
    BufferDescriptor old = published();
    fences.refuse(List.of(region()));
    here.fill((byte) 6);
    there.fill((byte) 1);
    assertThat(target.gate()).isSameAs(known);
    assertThat(copied(Operation.WRITE, old)).isEqualTo(TransferState.FAILED);
    assertThat(cause).isEqualTo(FailureCause.STALE_DESCRIPTOR);
    assertThat(there.get(ValueLayout.JAVA_BYTE, 3)).isEqualTo((byte) 1);
    fences.admit(List.of(region()));
  }

  /** The area stays as long as a copy of ours has not ended; nobody is waited for any more. */
  @ParameterizedTest
  @EnumSource
  void nobodyCopiesWithoutACallAfterTheEnd(Operation operation) {
    awaitMapped();
    assertThat(copied(operation, published())).isEqualTo(TransferState.COMPLETED);
    BufferDescriptor old = published();
    fences.end(Duration.ofSeconds(5), false);
    here.fill((byte) 6);
    there.fill((byte) 1);
    assertThat(copied(operation, old)).isEqualTo(TransferState.FAILED);
    assertThat(cause).isEqualTo(FailureCause.STALE_DESCRIPTOR);
    assertThat(here.get(ValueLayout.JAVA_BYTE, 3)).isEqualTo((byte) 6);
    assertThat(there.get(ValueLayout.JAVA_BYTE, 3)).isEqualTo((byte) 1);
  }

  /** An entry is what the peer says, or half of what it says next. */
  @Test
  void anEntryThatLeadsOutOfTheAreaOrThePoolHarmsNothing() {
    awaitMapped();
    Gate.Entry entry = entry();
    Gate.Entry lies =
        new Gate.Entry(entry.fence(), 0, Long.MAX_VALUE, AreaLayout.tableBits(0, 0, 0));
    assertThat(map.isHandedOut(lies, Long.MAX_VALUE - 10, 5)).isFalse();
    PoolMap pool = Objects.requireNonNull(pools.of(entry));
    Region ours = region();
    assertThatThrownBy(
            () ->
                pool.copy(
                    Operation.WRITE, ours, here.address(), entry.address() + entry.length() - 4, 5))
        .isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(
            () -> pool.copy(Operation.READ, ours, here.address(), entry.address() - 1, 5))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void whatIsNotAsTheEntrySaysIsNotMapped() {
    Gate.Entry entry = entry();
    Gate.Entry elsewhere =
        new Gate.Entry(
            entry.fence(), entry.address() + 4096, entry.length() - 4096, entry.rights());
    assertThatThrownBy(() -> pools.map(elsewhere)).isInstanceOf(TransferException.class);
    Gate.Entry longer =
        new Gate.Entry(entry.fence(), entry.address(), entry.length() + 4096, entry.rights());
    assertThatThrownBy(() -> pools.map(longer)).isInstanceOf(TransferException.class);
    Gate.Entry another =
        new Gate.Entry(entry.fence(), entry.address(), entry.length(), entry.rights() + (1L << 32));
    assertThatThrownBy(() -> pools.map(another)).isInstanceOf(TransferException.class);
    // A copy asks for it, and does not wait.
    assertThat(pools.of(another)).isNull();
    await()
        .untilAsserted(
            () -> assertThat(metrics.snapshot().get(Counter.LOCAL_POOLS_NOT_MAPPED)).isPositive());
    assertThat(maps.pools()).isZero();
  }

  /** As long as it has not changed; then as without one. */
  @ParameterizedTest
  @EnumSource
  void anEnginesWordIsTakenInThePlaceOfTheKernels(Operation operation) {
    OurLife life = OurLife.begin(area, NUMBER);
    try {
      assertThat(copied(operation, published())).isEqualTo(TransferState.COMPLETED);
      awaitMapped();
      over.set(true);
      assertThat(copied(operation, published())).isEqualTo(TransferState.COMPLETED);
    } finally {
      life.end();
    }
    assertThat(copied(operation, published())).isEqualTo(TransferState.FAILED);
    assertThat(target.isLost()).isTrue();
  }

  @Test
  void roomIsLimited() {
    PoolRoom room = new PoolRoom(2, 100);
    assertThat(room.take(60)).isTrue();
    assertThat(room.take(41)).isFalse();
    assertThat(room.take(-1)).isFalse();
    assertThat(room.take(40)).isTrue();
    room.give(40);
    assertThat(room.take(1)).isTrue();
    assertThat(room.take(1)).isFalse();
    assertThat(room.pools()).isEqualTo(2);
  }
}
