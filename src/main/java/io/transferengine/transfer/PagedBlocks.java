// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transfer;

/** Blocks of two paged layouts: addresses are computed, not stored. */
final class PagedBlocks implements BlockColumns {
  private final BlockLayout local;
  private final BlockLayout remote;

  private PagedBlocks(BlockLayout local, BlockLayout remote) {
    this.local = local;
    this.remote = remote;
  }

  static PagedBlocks of(BlockLayout local, BlockLayout remote) {
    if (local.count() != remote.count() || local.blockLength() != remote.blockLength()) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT,
          "%d local blocks of %d bytes do not pair with %d remote blocks of %d bytes"
              .formatted(local.count(), local.blockLength(), remote.count(), remote.blockLength()),
          "Give both layouts the same number of blocks, of the same length");
    }
    for (int i = 0; i < local.count(); i++) {
      BlockLimits.requireBlock(i, local.address(i), remote.address(i), local.blockLength());
    }
    BlockLimits.requireTotal(local.count(), local.blockLength());
    return new PagedBlocks(local, remote);
  }

  @Override
  public int count() {
    return local.count();
  }

  @Override
  public long local(int index) {
    return local.address(index);
  }

  @Override
  public long remote(int index) {
    return remote.address(index);
  }

  @Override
  public long length(int index) {
    return local.blockLength();
  }

  @Override
  public long totalBytes() {
    return local.blockLength() * local.count();
  }

  @Override
  public int firstOutside(int from, long start, long end) {
    return local.firstOutside(from, start, end);
  }

  @Override
  public String toString() {
    return "%d blocks, %d bytes".formatted(count(), totalBytes());
  }
}
