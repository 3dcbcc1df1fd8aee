// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transfer;

import java.util.List;

/** Blocks listed one by one. */
final class ListedBlocks implements BlockColumns {
  private final long[] local;
  private final long[] remote;
  private final long[] length;
  private final int count;
  private final long totalBytes;

  private ListedBlocks(long[] local, long[] remote, long[] length, int count, long totalBytes) {
    this.local = local;
    this.remote = remote;
    this.length = length;
    this.count = count;
    this.totalBytes = totalBytes;
  }

  static ListedBlocks copyOf(long[] local, long[] remote, long[] length) {
    if (local.length != remote.length || local.length != length.length) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT,
          "%d local addresses, %d remote addresses and %d lengths do not make a batch"
              .formatted(local.length, remote.length, length.length),
          "Give the same number of each");
    }
    BlockLimits.requireCount(local.length);
    long[] locals = local.clone();
    long[] remotes = remote.clone();
    long[] lengths = length.clone();
    int count = 0;
    long total = 0;
    for (int i = 0; i < lengths.length; i++) {
      BlockLimits.requireBlock(i, locals[i], remotes[i], lengths[i]);
      if (lengths[i] == 0) {
        continue;
      }
      locals[count] = locals[i];
      remotes[count] = remotes[i];
      lengths[count] = lengths[i];
      count++;
      total += lengths[i];
      BlockLimits.requireTotal(total);
    }
    return new ListedBlocks(locals, remotes, lengths, count, total);
  }

  static ListedBlocks concat(List<BlockColumns> parts) {
    long count = parts.stream().mapToLong(BlockColumns::count).sum();
    BlockLimits.requireCount((int) Math.min(count, Integer.MAX_VALUE));
    long[] locals = new long[(int) count];
    long[] remotes = new long[(int) count];
    long[] lengths = new long[(int) count];
    int next = 0;
    long total = 0;
    for (BlockColumns part : parts) {
      for (int i = 0; i < part.count(); i++) {
        locals[next] = part.local(i);
        remotes[next] = part.remote(i);
        lengths[next] = part.length(i);
        next++;
      }
      total += part.totalBytes();
      BlockLimits.requireTotal(total);
    }
    return new ListedBlocks(locals, remotes, lengths, next, total);
  }

  @Override
  public int count() {
    return count;
  }

  @Override
  public long local(int index) {
    return local[index];
  }

  @Override
  public long remote(int index) {
    return remote[index];
  }

  @Override
  public long length(int index) {
    return length[index];
  }

  @Override
  public long totalBytes() {
    return totalBytes;
  }

  /**
   * Each kind of blocks has such a loop of its own, with nothing else in it. What asks for blocks
   * one by one is compiled in one of several ways, of which some take four times as long.
   */
  @Override
  public int firstOutside(int from, long start, long end) {
    int i = from;
    while (i < count && local[i] >= start && local[i] + length[i] <= end) {
      i++;
    }
    return i;
  }

  @Override
  public String toString() {
    return "%d blocks, %d bytes".formatted(count(), totalBytes());
  }
}
