// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.target;

import io.transferengine.cli.console.CommandException;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * The shape of memory for blocks: each of {@code regions} has {@code slots} places for a block;
 * {@code blocks} of them are taken, the same in every region. This is a paged KV cache: a region
 * for the keys and one for the values of each layer, and the pages of one request scattered in
 * each.
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
          "%d regions with %d of %d places of %d bytes are not possible: each must be above 0"
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

  /** {@return the allocated bytes} */
  long allocatedBytes() {
    return Math.multiplyExact(regions, regionBytes());
  }

  public int totalBlocks() {
    return Math.multiplyExact(regions, blocks);
  }

  /** {@return the moved bytes} */
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
