// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import io.transferengine.transfer.TransferException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * How fast a device copies to and from pinned memory: as the library does it, by how many copies
 * are under way, and the kernel alone. What is compiled late counts in none of it: each is done
 * until {@link #WARM_NANOS} are over, and only then timed.
 */
final class DeviceRates {
  private static final int BLOCK = 4096;
  private static final int SLOT = PinnedSlots.SLOT_BYTES;

  /** More than are under way. */
  private static final int SLOTS = 32;

  private static final int ROUNDS = 11;
  private static final long WARM_NANOS =
      TimeUnit.MILLISECONDS.toNanos(Long.getLong("gpu.warm", 400));
  private static final double MICRO = 1e6;

  /** What issue 14 asks for, of an H100-class card. */
  private static final double WANTED = 40;

  private final Device device;
  private final long memory;
  private final int deviceBytes;
  private final long host;
  private final int hostBytes;

  /**
   * @param host pinned
   */
  DeviceRates(Device device, long memory, int deviceBytes, MemorySegment host) {
    this.device = device;
    this.memory = memory;
    this.deviceBytes = deviceBytes;
    this.host = host.address();
    this.hostBytes = Math.toIntExact(host.byteSize());
  }

  void all() throws Exception {
    for (boolean out : new boolean[] {true, false}) {
      String way = out ? "out" : "in";
      print("one range, " + way, rate(out, List.of(range(0, hostBytes)), 1));
      // As many as gpu.md had in one launch: several lists, whose launches follow each other.
      List<CopyList> lists = scattered(hostBytes, CopyList.RANGES_LIMIT);
      print("4 KiB, one list, " + way, rate(out, lists.subList(0, 1), 1));
      double all =
          print("4 KiB, " + lists.size() + " lists, " + way, rate(out, lists, lists.size()));
      GpuSteps.figure("scattered 4 KiB, " + way + ", GB/s", all, WANTED);
      for (int underWay = 1; underWay <= hostBytes / SLOT && underWay <= 8; underWay *= 2) {
        List<CopyList> slots = new ArrayList<>();
        for (int i = 0; i < SLOTS; i++) {
          slots.add(range((long) i * SLOT % deviceBytes, SLOT));
        }
        print("slots, " + underWay + " under way, " + way, rate(out, slots, underWay));
        List<CopyList> pages = scattered(Math.min(SLOTS * SLOT, deviceBytes / 2), SLOT / BLOCK);
        print("slots of 4 KiB, " + underWay + " under way, " + way, rate(out, pages, underWay));
      }
    }
  }

  private CopyList range(long offset, long length) {
    CopyList list = new CopyList();
    list.add(memory + offset, length);
    return list;
  }

  /** Blocks at each second place, backwards. */
  private List<CopyList> scattered(int bytes, int blocksOfList) {
    int count = Math.min(bytes, deviceBytes / 2) / BLOCK;
    List<CopyList> lists = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      if (i % blocksOfList == 0) {
        lists.add(new CopyList());
      }
      lists.getLast().add(memory + (count - 1L - i) * 2 * BLOCK, BLOCK);
    }
    return lists;
  }

  private record Rate(double median, double best, double micros) {}

  private static double print(String what, Rate rate) {
    System.out.printf(
        "%-34s %6.1f GB/s, median of %d (best %.1f); %.0f us from asked for to told of%n",
        what, rate.median, ROUNDS, rate.best, rate.micros);
    return rate.median;
  }

  /** {@return how fast lists are copied of which so many are under way at a time} */
  private Rate rate(boolean out, List<CopyList> lists, int underWay) throws Exception {
    long bytes = lists.stream().mapToLong(CopyList::bytes).sum();
    warm(() -> new Turn(out, lists, underWay).seconds());
    double[] seconds = new double[ROUNDS];
    double[] micros = new double[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
      Turn turn = new Turn(out, lists, underWay);
      seconds[i] = turn.seconds();
      micros[i] = turn.waited / 1e3 / lists.size();
    }
    double median = DeviceMoves.median(seconds);
    return new Rate(bytes / median / 1e9, bytes / seconds[0] / 1e9, DeviceMoves.median(micros));
  }

  private static void warm(GpuSteps.Step step) throws Exception {
    long end = System.nanoTime() + WARM_NANOS;
    do {
      step.run();
    } while (end - System.nanoTime() > 0);
  }

  /** All lists once. Whenever one is told of, the next is asked for. */
  private final class Turn implements CopyCompletion {
    private final boolean out;
    private final List<CopyList> lists;
    private final int underWay;
    private final long place;
    private final long[] asked;
    private final CompletableFuture<Boolean> done = new CompletableFuture<>();
    private int next;
    private int told;
    private long waited;

    Turn(boolean out, List<CopyList> lists, int underWay) {
      this.out = out;
      this.lists = lists;
      this.underWay = Math.min(underWay, lists.size());
      this.place = lists.getFirst().bytes();
      this.asked = new long[lists.size()];
    }

    double seconds() throws Exception {
      long start = System.nanoTime();
      for (int i = 0; i < underWay; i++) {
        ask();
      }
      var _ = done.get(60, TimeUnit.SECONDS);
      return (System.nanoTime() - start) / 1e9;
    }

    private synchronized void ask() {
      if (next == lists.size()) {
        return;
      }
      int index = next++;
      asked[index] = System.nanoTime();
      long at = host + index % underWay * place;
      if (out) {
        device.copyOut(lists.get(index), at, this);
      } else {
        device.copyIn(lists.get(index), at, this);
      }
    }

    /** They are told of in their order. */
    @Override
    public void copied(@Nullable TransferException failure) {
      synchronized (this) {
        waited += System.nanoTime() - asked[told++];
      }
      if (failure != null) {
        done.completeExceptionally(failure);
      } else if (told == lists.size()) {
        done.complete(true);
      } else {
        ask();
      }
    }
  }

  /**
   * The kernel without what is around it: 4 KiB blocks to pinned memory, with its table there too,
   * as the library has it, and with the table copied to the device first.
   */
  void kernelAlone(DeviceLibrary library) throws Exception {
    int number = library.device(0);
    library.pushContext(library.retainContext(number));
    try (CopyKernel kernel = CopyKernel.load(library, number, "cuda:0");
        CopyTable table = new CopyTable(library)) {
      if (kernel.function() == 0) {
        System.out.println("no kernel");
        return;
      }
      long stream = library.createStream();
      CopyList list = scattered(hostBytes, CopyList.RANGES_LIMIT).getFirst();
      long bytes = 3L * list.count() * Long.BYTES;
      long there = library.allocate(bytes);
      try {
        for (boolean out : new boolean[] {true, false}) {
          time("fill of a table", 0, () -> table.fill(list, host, out));
          time(
              "kernel alone, table pinned, " + (out ? "out" : "in"),
              list.bytes(),
              () -> {
                library.launch(kernel.function(), table.count(), 256, table.address(), stream);
                library.awaitStream(stream);
              });
          time(
              "kernel alone, table copied, " + (out ? "out" : "in"),
              list.bytes(),
              () -> {
                library.copyIn(there, table.address(), bytes, stream);
                library.launch(kernel.function(), table.count(), 256, there, stream);
                library.awaitStream(stream);
              });
        }
      } finally {
        library.awaitStream(stream);
        library.free(there);
        library.destroyStream(stream);
      }
    } finally {
      library.popContext();
      library.releaseContext(number);
    }
  }

  private static void time(String what, long bytes, GpuSteps.Step step) throws Exception {
    warm(step);
    double[] seconds = new double[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
      long start = System.nanoTime();
      step.run();
      seconds[i] = (System.nanoTime() - start) / 1e9;
    }
    double median = DeviceMoves.median(seconds);
    System.out.printf("%-34s %6.1f us, median of %d", what, median * MICRO, ROUNDS);
    System.out.println(bytes == 0 ? "" : String.format(", %.1f GB/s", bytes / median / 1e9));
  }
}
