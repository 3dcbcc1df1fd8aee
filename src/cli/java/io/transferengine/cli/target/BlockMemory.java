// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.target;

import io.transferengine.Allocation;
import io.transferengine.Engine;
import io.transferengine.Registration;
import io.transferengine.cli.console.CommandException;
import io.transferengine.cli.console.Units;
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
  private final List<MemorySegment> regions = new ArrayList<>();
  private final List<Registration> registrations = new ArrayList<>();
  private final List<Allocation> allocations = new ArrayList<>();

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
    return allocate(engine, shape, seed, false);
  }

  /**
   * {@return the same, of the engine's managed memory, or registered with it}
   *
   * @throws CommandException if there is not enough
   */
  public static BlockMemory allocate(Engine engine, BlockShape shape, long seed, boolean managed) {
    BlockMemory memory = new BlockMemory(shape, seed);
    try {
      for (int i = 0; i < shape.regions(); i++) {
        if (managed) {
          Allocation taken = engine.allocate(shape.regionBytes());
          memory.allocations.add(taken);
          memory.regions.add(taken.segment().fill((byte) 0));
          continue;
        }
        MemorySegment region = memory.arena.allocate(shape.regionBytes(), ALIGNMENT_BYTES);
        memory.regions.add(region);
        memory.registrations.add(engine.register(region));
      }
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
    return regions.stream().mapToLong(MemorySegment::address).toArray();
  }

  int[] takenSlots() {
    return takenSlots.clone();
  }

  /** {@return the first region} */
  public MemorySegment first() {
    return regions.getFirst();
  }

  /** {@return the addresses of the blocks, region after region} */
  public long[] addresses() {
    return shape.addresses(regionAddresses(), takenSlots);
  }

  private List<MemorySegment> blocks() {
    return blocks(takenSlots);
  }

  private List<MemorySegment> blocks(int[] slots) {
    return regions.stream()
        .flatMap(
            region ->
                IntStream.of(slots)
                    .mapToObj(
                        slot -> region.asSlice(slot * shape.blockBytes(), shape.blockBytes())))
        .toList();
  }

  /** Fills the blocks with random bytes. */
  public void fill(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    blocks().forEach(block -> fill(block, random));
  }

  /** Fills the blocks at these places of each region with random bytes. */
  void fillPages(long seed, int[] slots) {
    SplittableRandom random = new SplittableRandom(seed);
    blocks(slots).forEach(block -> fill(block, random));
  }

  /** Fills the first bytes of the first region with random ones. */
  public void fillStart(long seed, long bytes) {
    fill(regions.getFirst().asSlice(0, bytes), new SplittableRandom(seed));
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
      for (ByteBuffer chunk : chunks(blocks().getFirst())) {
        while (chunk.hasRemaining()) {
          if (channel.read(chunk) < 0) {
            throw CommandException.failed(file + " ended early: it is being changed");
          }
        }
      }
    } catch (IOException e) {
      throw CommandException.failed(file + " cannot be read: " + e);
    }
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
    List<MemorySegment> ranges = new ArrayList<>();
    for (long offset : offsets) {
      ranges.add(regions.getFirst().asSlice(offset, lengthBytes));
    }
    return digest(ranges);
  }

  private static String digest(List<MemorySegment> segments) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      segments.forEach(segment -> chunks(segment).forEach(digest::update));
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
    List<MemorySegment> blocks = blocks();
    flip(blocks.get(blocks.size() / 2));
  }

  /** The same in the block at this place of the first region. */
  void flipPage(int slot) {
    flip(regions.getFirst().asSlice(slot * shape.blockBytes(), shape.blockBytes()));
  }

  private static void flip(MemorySegment block) {
    long middle = block.byteSize() / 2;
    byte old = block.get(ValueLayout.JAVA_BYTE, middle);
    block.set(ValueLayout.JAVA_BYTE, middle, (byte) (old ^ 1));
  }

  /** Ends the registrations, then frees the memory. Idempotent. */
  @Override
  public void close() {
    registrations.forEach(Registration::close);
    registrations.clear();
    allocations.forEach(Allocation::close);
    allocations.clear();
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}
