// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transfer;

import java.util.List;
import java.util.Objects;

/**
 * The blocks of one batch as columns: block {@code i} is {@code length(i)} bytes long and moves
 * between the address {@code local(i)} in this process and {@code remote(i)} at the peer. Immutable
 * and thread-safe. Blocks of length 0 are left out.
 */
public sealed interface BlockColumns permits ListedBlocks, PagedBlocks {
  /** The most blocks of one batch. A block takes 24 bytes here; cut a larger batch. */
  int COUNT_LIMIT = BlockLimits.COUNT_LIMIT;

  /** {@return the number of blocks, 0 to {@link #COUNT_LIMIT}} */
  int count();

  /**
   * {@return the address of a block in this process}
   *
   * @param index from 0 to {@code count() - 1}
   */
  long local(int index);

  /**
   * {@return the address of a block at the peer}
   *
   * @param index from 0 to {@code count() - 1}
   */
  long remote(int index);

  /**
   * {@return the length of a block in bytes, at least 1}
   *
   * @param index from 0 to {@code count() - 1}
   */
  long length(int index);

  /** {@return the bytes of all blocks} */
  long totalBytes();

  /**
   * {@return the first block, from one on, of which a byte in this process is outside a range; the
   * number of blocks if there is none}
   *
   * @param from from 0 to {@code count()}
   * @param start the range's first address
   * @param end the address behind its last byte
   */
  int firstOutside(int from, long start, long end);

  /**
   * {@return one block}
   *
   * @param local its address in this process
   * @param remote its address at the peer
   * @param length its length in bytes, 0 or more
   * @throws TransferException if the length is negative, or a range leaves the address space
   */
  static BlockColumns of(long local, long remote, long length) {
    return of(new long[] {local}, new long[] {remote}, new long[] {length});
  }

  /**
   * {@return blocks listed one by one; the arrays are copied}
   *
   * @param local addresses in this process
   * @param remote addresses at the peer, the same number
   * @param length lengths in bytes, the same number, each 0 or more
   * @throws TransferException for arrays of different lengths, for more than {@link #COUNT_LIMIT}
   *     blocks, and for a block as in {@link #of(long, long, long)}
   */
  static BlockColumns of(long[] local, long[] remote, long[] length) {
    Objects.requireNonNull(local, "local must not be null");
    Objects.requireNonNull(remote, "remote must not be null");
    Objects.requireNonNull(length, "length must not be null");
    return ListedBlocks.copyOf(local, remote, length);
  }

  /**
   * {@return the blocks of all parts, in order, as one batch: one deadline, one notification}
   *
   * <p>For a KV cache with a region for each layer, use one {@link #paged} part for each layer. The
   * blocks are copied, at 24 bytes each.
   *
   * @param parts the parts, together at most {@link #COUNT_LIMIT} blocks
   * @throws TransferException if there are more blocks, or more than 2^63 - 1 bytes
   */
  static BlockColumns concat(List<? extends BlockColumns> parts) {
    Objects.requireNonNull(parts, "parts must not be null");
    return ListedBlocks.concat(List.copyOf(parts));
  }

  /**
   * {@return blocks of two paged layouts, paired in order}
   *
   * @param local the blocks in this process
   * @param remote the blocks at the peer: the same number, of the same length
   * @throws TransferException if the layouts do not match, and as {@link #of(long[], long[],
   *     long[])}
   */
  static BlockColumns paged(BlockLayout local, BlockLayout remote) {
    Objects.requireNonNull(local, "local must not be null");
    Objects.requireNonNull(remote, "remote must not be null");
    return PagedBlocks.of(local, remote);
  }
}
