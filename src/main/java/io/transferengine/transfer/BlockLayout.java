// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transfer;

import java.util.Objects;

/**
 * Blocks of one length at multiples of a stride from a base, chosen by their indices, such as the
 * pages of a KV cache. Immutable.
 */
public final class BlockLayout {
  private final long base;
  private final long stride;
  private final long blockLength;
  private final int[] indices;

  /**
   * Makes a layout; the indices are copied.
   *
   * @param base the address of the block with index 0
   * @param stride bytes from the start of one block to the start of the next; may be larger than
   *     the block
   * @param blockLength bytes of each block, above 0
   * @param indices the indices of the blocks, in order; each 0 or more
   * @throws TransferException if the length or stride is not positive, an index is negative, there
   *     are more than {@link BlockColumns#COUNT_LIMIT} indices, or a block leaves the address space
   */
  public BlockLayout(long base, long stride, long blockLength, int[] indices) {
    Objects.requireNonNull(indices, "indices must not be null");
    BlockLimits.requireCount(indices.length);
    if (blockLength <= 0 || stride <= 0) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT,
          "A layout of %d-byte blocks with a stride of %d bytes".formatted(blockLength, stride),
          "Both must be above 0");
    }
    this.base = base;
    this.stride = stride;
    this.blockLength = blockLength;
    this.indices = indices.clone();
    long indexLimit = (Long.MAX_VALUE - base - blockLength) / stride;
    for (int index : this.indices) {
      if (index < 0 || base <= 0 || index > indexLimit) {
        throw new TransferException(
            ErrorCode.INVALID_ARGUMENT,
            "Block index %d from base 0x%x with a stride of %d bytes is not a range of memory"
                .formatted(index, base, stride),
            "Use indices of 0 or more, and a base address above 0");
      }
    }
  }

  /** {@return the number of blocks} */
  public int count() {
    return indices.length;
  }

  /** {@return the bytes of each block} */
  public long blockLength() {
    return blockLength;
  }

  /**
   * {@return the address of a block}
   *
   * @param position from 0 to {@code count() - 1}, in the array of indices
   */
  public long address(int position) {
    return base + stride * indices[position];
  }

  /** {@return as {@link BlockColumns#firstOutside}} */
  int firstOutside(int from, long start, long end) {
    long last = end - blockLength;
    int i = from;
    while (i < indices.length && address(i) >= start && address(i) <= last) {
      i++;
    }
    return i;
  }

  /** {@return the number of blocks, their length and their place} */
  @Override
  public String toString() {
    return "%d blocks of %d bytes, %d bytes apart from 0x%x"
        .formatted(count(), blockLength, stride, base);
  }
}
