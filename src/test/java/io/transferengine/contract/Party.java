// SPDX-License-Identifier: Apache-2.0
package io.transferengine.contract;

import io.transferengine.cli.faults.CheckedMemory;
import io.transferengine.engine.EngineCore;
import io.transferengine.engine.TransferHandle;
import io.transferengine.testkit.Mapped;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferRequest;
import java.time.Duration;

/**
 * An engine with two registrations, and unregistered bytes before, between and behind them, all of
 * which are checked.
 */
final class Party implements AutoCloseable {
  /** Where the large registration begins. */
  static final int MAIN = 4096;

  static final int MAIN_BYTES = 4 << 20;

  /** Where the small one begins. */
  static final int SIDE = MAIN + MAIN_BYTES + 4096;

  static final int SIDE_BYTES = 1 << 20;

  /**
   * What is before it is where the large registration is, what is behind where the small one is.
   */
  private static final int BORDER = SIDE - 2048;

  private static final int ALL_BYTES = SIDE + SIDE_BYTES + 4096;

  final String name;
  final EngineCore core;
  final CheckedMemory memory;
  private final Mapped mapped = Mapped.of(ALL_BYTES);
  private final long deviceAddress;

  Party(TransportSetup setup, String name, long seed) {
    this.name = name;
    deviceAddress = setup.deviceAddress(name, mapped.segment().asSlice(0, BORDER));
    core = setup.open(name);
    memory = new CheckedMemory(name, mapped.segment(), seed);
    try {
      var _ = core.memory().register(address(MAIN), MAIN_BYTES, setup.mainLocation(name));
      var _ = core.memory().register(address(SIDE), SIDE_BYTES, "*");
    } catch (Throwable t) {
      close();
      throw t;
    }
  }

  /** {@return the address of a byte of its memory} */
  long address(long offset) {
    return (deviceAddress != 0 && offset < BORDER ? deviceAddress : mapped.address()) + offset;
  }

  /** Ends the large registration. */
  void unregisterMain() {
    core.memory().unregister(address(MAIN));
  }

  Move write(Party peer, int here, int there, int length) {
    return new Move(Operation.WRITE, this, here, peer, there, length);
  }

  Move move(Operation operation, Party peer, int here, int there, int length) {
    return new Move(operation, this, here, peer, there, length);
  }

  /** The large registration of one to, or from, that of the other. */
  Move main(Operation operation, Party peer) {
    return move(operation, peer, MAIN, MAIN, MAIN_BYTES);
  }

  TransferHandle submit(Operation operation, Party peer, BlockColumns blocks, Duration timeout) {
    return core.submit(
        TransferRequest.of(operation, peer.core.segmentName(), blocks).withTimeout(timeout));
  }

  /** The memory goes last: an engine that touches it after its end has to be found. */
  @Override
  public void close() {
    core.close();
    mapped.close();
  }

  /** One range that one party moves, at its initiative, to or from another. */
  record Move(Operation operation, Party from, int here, Party to, int there, int length) {
    long local() {
      return from.address(here);
    }

    long remote() {
      return to.address(there);
    }

    TransferHandle submit(Duration timeout) {
      return from.submit(operation, to, BlockColumns.of(local(), remote(), length), timeout);
    }

    /** Every byte has arrived. */
    void arrives() {
      switch (operation) {
        case WRITE -> to.memory.gets(there, from.memory, here, length);
        case READ -> from.memory.gets(here, to.memory, there, length);
      }
    }

    /** Any byte may have arrived, or still arrive. */
    void mayArrive() {
      switch (operation) {
        case WRITE -> to.memory.mayGet(there, from.memory, here, length);
        case READ -> from.memory.mayGet(here, to.memory, there, length);
      }
    }
  }
}
