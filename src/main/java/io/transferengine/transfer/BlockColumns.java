// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transfer;

import java.util.List;
import java.util.Objects;

/**
 * The blocks of one batch as columns: block {@code i} is {@code length(i)} bytes long and moves
 * between the address {@code local(i)} in this process and {@code remote(i)} at the peer. Immutable
 * and thread-safe. Blocks without bytes are left out when the columns are made.
 */
public sealed interface BlockColumns permits ListedBlocks, PagedBlocks {
  /** The most blocks of one batch. A block costs 24 bytes here; a larger batch is better cut. */
  int COUNT_LIMIT = 1_000_000;

  /** {@return the number of blocks, 0 to {@link #COUNT_LIMIT}} */
  int count();

  /**
   * {@return the address in this process of a block}
   *
   * @param index from 0 to {@code count() - 1}
   */
  long local(int index);

  /**
   * {@return the address at the peer of a block}
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
   * {@return one block}
   *
   * @param local its address in this process
   * @param remote its address at the peer
   * @param length its length in bytes, 0 or more
   * @throws TransferException for a negative length or a range that leaves the address space
   */
  static BlockColumns of(long local, long remote, long length) {
    return of(new long[] {local}, new long[] {remote}, new long[] {length});
  }

  /**
   * {@return blocks listed one by one; the arrays are copied}
   *
   * @param local addresses in this process
   * @param remote addresses at the peer, as many
   * @param length lengths in bytes, as many, each 0 or more
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
   * <p>A key-value cache with a region for each layer is one {@link #paged} part for each. The
   * blocks are copied, at 24 bytes each.
   *
   * @param parts batches of their own, together at most {@link #COUNT_LIMIT} blocks
   * @throws TransferException for more blocks, and for more than 2^63 - 1 bytes
   */
  static BlockColumns concat(List<? extends BlockColumns> parts) {
    Objects.requireNonNull(parts, "parts must not be null");
    return ListedBlocks.concat(List.copyOf(parts));
  }

  /**
   * {@return blocks of two paged layouts, paired in order}
   *
   * @param local where they lie in this process
   * @param remote where they lie at the peer: as many blocks of the same length
   * @throws TransferException for layouts that do not match, and as {@link #of(long[], long[],
   *     long[])}
   */
  static BlockColumns paged(BlockLayout local, BlockLayout remote) {
    Objects.requireNonNull(local, "local must not be null");
    Objects.requireNonNull(remote, "remote must not be null");
    return PagedBlocks.of(local, remote);
  }
}
