// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.target;

import io.transferengine.Allocation;
import io.transferengine.Engine;
import io.transferengine.Registration;
import io.transferengine.cli.console.CommandException;
import io.transferengine.cli.console.Units;
import io.transferengine.cli.target.BlockContents.Range;
import io.transferengine.diagnostics.GpuMemory;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * Registered or managed memory of some shape, zero at first. A seed shuffles which places are
 * taken, as in a cache that has been in use for a while. Not thread-safe.
 */
public final class BlockMemory implements AutoCloseable {
  /** The bytes that are digested, or read from a file, at once. */
  private static final long CHUNK_BYTES = 1 << 20;

  /** A page of memory, which Linux maps at once. */
  private static final long ALIGNMENT_BYTES = 4096;

  private final Arena arena = Arena.ofShared();
  private final BlockShape shape;
  private final int[] takenSlots;

  /** Of host memory; none for a GPU's. */
  private final List<MemorySegment> regions = new ArrayList<>();

  private final List<Long> addresses = new ArrayList<>();
  private final List<Registration> registrations = new ArrayList<>();
  private final List<Allocation> allocations = new ArrayList<>();
  private @Nullable GpuMemory gpu;
  private BlockContents contents = BlockContents.ofHost(regions);

  private BlockMemory(BlockShape shape, long seed) {
    this.shape = shape;
    this.takenSlots = shuffled(shape.slots(), new SplittableRandom(seed), shape.blocks());
  }

  /**
   * {@return new memory, registered with {@code engine}}
   *
   * @throws CommandException if there is not enough
   */
  public static BlockMemory allocate(Engine engine, BlockShape shape, long seed) {
    return allocate(engine, shape, seed, MemoryPlace.HOST);
  }

  /**
   * {@return the same, where it is wanted}
   *
   * @throws CommandException if there is not enough, or no such place
   */
  public static BlockMemory allocate(
      Engine engine, BlockShape shape, long seed, MemoryPlace place) {
    place.requireHere();
    BlockMemory memory = new BlockMemory(shape, seed);
    try {
      memory.take(engine, place);
      return memory;
    } catch (OutOfMemoryError e) {
      memory.close();
      throw CommandException.lacks(
          "This machine does not have %s of memory left: ask for less"
              .formatted(Units.size(shape.allocatedBytes())));
    } catch (RuntimeException e) {
      memory.close();
      throw e;
    }
  }

  private void take(Engine engine, MemoryPlace place) {
    if (place.isGpu()) {
      GpuMemory taken = GpuMemory.allocate(place.gpu(), shape.allocatedBytes());
      gpu = taken;
      contents = BlockContents.ofGpu(taken, shape.regionBytes());
    }
    for (int i = 0; i < shape.regions(); i++) {
      if (gpu != null) {
        long address = gpu.address() + i * shape.regionBytes();
        addresses.add(address);
        registrations.add(engine.register(address, shape.regionBytes(), place.toString()));
      } else if (place.managed()) {
        Allocation taken = engine.allocate(shape.regionBytes());
        allocations.add(taken);
        add(taken.segment().fill((byte) 0));
      } else {
        MemorySegment region = arena.allocate(shape.regionBytes(), ALIGNMENT_BYTES);
        add(region);
        registrations.add(engine.register(region));
      }
    }
  }

  private void add(MemorySegment region) {
    regions.add(region);
    addresses.add(region.address());
  }

  private static int[] shuffled(int count, SplittableRandom random, int taken) {
    int[] places = IntStream.range(0, count).toArray();
    for (int i = count - 1; i > 0; i--) {
      int other = random.nextInt(i + 1);
      int place = places[i];
      places[i] = places[other];
      places[other] = place;
    }
    return IntStream.of(places).limit(taken).toArray();
  }

  BlockShape shape() {
    return shape;
  }

  public long[] regionAddresses() {
    return addresses.stream().mapToLong(Long::longValue).toArray();
  }

  int[] takenSlots() {
    return takenSlots.clone();
  }

  /** {@return the first region, which is host memory} */
  public MemorySegment first() {
    return regions.getFirst();
  }

  /** {@return the addresses of the blocks, region after region} */
  public long[] addresses() {
    return shape.addresses(regionAddresses(), takenSlots);
  }

  private List<Range> blocks() {
    return blocks(takenSlots);
  }

  private List<Range> blocks(int[] slots) {
    return IntStream.range(0, shape.regions())
        .boxed()
        .flatMap(region -> IntStream.of(slots).mapToObj(slot -> block(region, slot)))
        .toList();
  }

  private Range block(int region, int slot) {
    return new Range(region, slot * shape.blockBytes(), shape.blockBytes());
  }

  /** Fills the blocks with random bytes. */
  public void fill(long seed) {
    fill(seed, blocks());
  }

  /** Fills the blocks at these places of each region with random bytes. */
  void fillPages(long seed, int[] slots) {
    fill(seed, blocks(slots));
  }

  /** Fills the first bytes of the first region with random ones. */
  public void fillStart(long seed, long bytes) {
    fill(seed, List.of(new Range(0, 0, bytes)));
  }

  private void fill(long seed, List<Range> ranges) {
    SplittableRandom random = new SplittableRandom(seed);
    contents.replace(ranges, part -> fill(part, random));
  }

  private static void fill(MemorySegment segment, SplittableRandom random) {
    long words = segment.byteSize() / Long.BYTES;
    for (long i = 0; i < words; i++) {
      segment.setAtIndex(ValueLayout.JAVA_LONG_UNALIGNED, i, random.nextLong());
    }
    for (long i = words * Long.BYTES; i < segment.byteSize(); i++) {
      segment.set(ValueLayout.JAVA_BYTE, i, (byte) random.nextInt());
    }
  }

  /** Fills the first block from the start of a file, which must be at least as long. */
  public void load(Path file) {
    try (FileChannel channel = FileChannel.open(file)) {
      contents.replace(List.of(blocks().getFirst()), part -> read(channel, file, part));
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  private static void read(FileChannel channel, Path file, MemorySegment into) {
    try {
      for (ByteBuffer chunk : chunks(into)) {
        while (chunk.hasRemaining()) {
          if (channel.read(chunk) < 0) {
            throw CommandException.failed(file + " ended early: it is being changed");
          }
        }
      }
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  private static CommandException unreadable(Path file, IOException e) {
    return CommandException.failed(file + " cannot be read: " + e);
  }

  /** {@return SHA-256 of the blocks in order} */
  public String digest() {
    return digest(blocks());
  }

  /** {@return SHA-256 of the blocks at these places, region after region} */
  String digestPages(int[] slots) {
    return digest(blocks(slots));
  }

  /** {@return SHA-256 of ranges of the first region, one after the other} */
  public String digest(long[] offsets, long lengthBytes) {
    return digest(
        LongStream.of(offsets).mapToObj(offset -> new Range(0, offset, lengthBytes)).toList());
  }

  private String digest(List<Range> ranges) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      contents.look(ranges, part -> chunks(part).forEach(digest::update));
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("Every JDK has SHA-256", e);
    }
  }

  private static List<ByteBuffer> chunks(MemorySegment segment) {
    List<ByteBuffer> chunks = new ArrayList<>();
    for (long at = 0; at < segment.byteSize(); at += CHUNK_BYTES) {
      long length = Math.min(CHUNK_BYTES, segment.byteSize() - at);
      chunks.add(segment.asSlice(at, length).asByteBuffer());
    }
    return chunks;
  }

  /** Inverts a bit in the middle of a block; for a test that the comparison fails. */
  void flip() {
    List<Range> blocks = blocks();
    flip(blocks.get(blocks.size() / 2));
  }

  /** The same in the block at this place of the first region. */
  void flipPage(int slot) {
    flip(block(0, slot));
  }

  private void flip(Range block) {
    List<Range> middle = List.of(new Range(block.region(), block.offset() + block.length() / 2, 1));
    byte[] old = new byte[1];
    contents.look(middle, part -> old[0] = part.get(ValueLayout.JAVA_BYTE, 0));
    contents.replace(middle, part -> part.set(ValueLayout.JAVA_BYTE, 0, (byte) (old[0] ^ 1)));
  }

  /** Ends the registrations, then frees the memory. Idempotent. */
  @Override
  public void close() {
    registrations.forEach(Registration::close);
    registrations.clear();
    allocations.forEach(Allocation::close);
    allocations.clear();
    if (gpu != null) {
      gpu.close();
    }
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}
