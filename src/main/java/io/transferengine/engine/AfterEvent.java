// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.device.EventWaits;
import io.transferengine.memory.MemoryKind;
import io.transferengine.memory.Region;
import io.transferengine.memory.RegionTable;
import io.transferengine.metrics.FailureCause;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import java.util.Set;
import java.util.function.Consumer;

/** A transfer that begins when an event of CUDA has happened. */
final class AfterEvent implements EventWaits.Waiter {
  /** Whose driver is asked if none of the memory is a device's: it knows the events of all. */
  private static final MemoryKind FIRST = MemoryKind.at("cuda:0");

  private final TransferHandle handle;
  private final Set<TransferHandle> awaiting;
  private final Consumer<TransferHandle> begin;

  /**
   * @param awaiting has the transfer until the event has happened, or the transfer has ended
   * @param begin begins the transfer; must not block
   */
  AfterEvent(TransferHandle handle, Set<TransferHandle> awaiting, Consumer<TransferHandle> begin) {
    this.handle = handle;
    this.awaiting = awaiting;
    this.begin = begin;
    awaiting.add(handle);
  }

  /** {@return whose driver is to be asked: that of the first block that is a device's memory} */
  static MemoryKind asked(RegionTable regions, BlockColumns blocks) {
    for (int i = 0; i < blocks.count(); i++) {
      Region region = regions.find(blocks.local(i), blocks.length(i));
      if (region != null && !region.kind().isHost()) {
        return region.kind();
      }
    }
    return FIRST;
  }

  @Override
  public boolean isOver() {
    boolean over = handle.state().isTerminal();
    if (over) {
      awaiting.remove(handle);
    }
    return over;
  }

  @Override
  public void happened() {
    awaiting.remove(handle);
    begin.accept(handle);
  }

  @Override
  public void failed(TransferException why) {
    awaiting.remove(handle);
    handle.abort(TransferState.FAILED, why, FailureCause.LOCAL);
  }
}
