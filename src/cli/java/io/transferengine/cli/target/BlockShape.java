// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.target;

import io.transferengine.cli.console.CommandException;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * How much memory for blocks: each of {@code regions} has {@code slots} places for a block, of
 * which {@code blocks} are taken, the same in every region. That is a paged KV cache: a region for
 * the keys and one for the values of each layer, and the pages of one request scattered in each.
 *
 * @param regions separate ranges of memory
 * @param slots places of each region
 * @param blocks taken places of each region, at most {@code slots}
 * @param blockBytes the length of a place
 */
public record BlockShape(int regions, int slots, int blocks, long blockBytes) {
  public BlockShape {
    if (regions < 1 || blocks < 1 || slots < blocks || blockBytes < 1) {
      throw CommandException.usage(
          "%d regions with %d of %d places of %d bytes cannot be: each must be above 0"
              .formatted(regions, blocks, slots, blockBytes));
    }
  }

  /** One block alone. */
  public static BlockShape single(long bytes) {
    return new BlockShape(1, 1, 1, bytes);
  }

  long regionBytes() {
    return Math.multiplyExact(slots, blockBytes);
  }

  /** {@return what is allocated} */
  long allocatedBytes() {
    return Math.multiplyExact(regions, regionBytes());
  }

  public int totalBlocks() {
    return Math.multiplyExact(regions, blocks);
  }

  /** {@return what is moved} */
  public long totalBytes() {
    return Math.multiplyExact(totalBlocks(), blockBytes);
  }

  public long[] lengths() {
    return LongStream.generate(() -> blockBytes).limit(totalBlocks()).toArray();
  }

  /** {@return the blocks' addresses, region after region} */
  public long[] addresses(long[] regionAddresses, int[] takenSlots) {
    return LongStream.of(regionAddresses)
        .flatMap(base -> IntStream.of(takenSlots).mapToLong(slot -> base + slot * blockBytes))
        .toArray();
  }
}
