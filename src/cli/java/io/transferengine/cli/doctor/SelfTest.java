// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.doctor;

import io.transferengine.Engine;
import io.transferengine.Transfer;
import io.transferengine.cli.console.CommandException;
import io.transferengine.cli.target.BlockMemory;
import io.transferengine.cli.target.BlockShape;
import io.transferengine.cli.target.Transfers;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;

/** Two engines in this process move some bytes and compare them. */
final class SelfTest {
  private static final String NAME = "self-test";
  private static final BlockShape SHAPE = BlockShape.single(1 << 20);

  private SelfTest() {}

  static CheckResult run() {
    try (Engine initiator = Engine.open(TlsChecks.withoutTls().build());
        Engine target = Engine.open(TlsChecks.withoutTls().build());
        BlockMemory source = BlockMemory.allocate(initiator, SHAPE, 0);
        BlockMemory back = BlockMemory.allocate(initiator, SHAPE, 0);
        BlockMemory remote = BlockMemory.allocate(target, SHAPE, 0)) {
      source.fill(1);
      move(initiator, target, Operation.WRITE, source, remote);
      move(initiator, target, Operation.READ, back, remote);
      String sent = source.digest();
      return remote.digest().equals(sent) && back.digest().equals(sent)
          ? CheckResult.ok(NAME, "1 MiB written, read back and compared between two engines")
          : CheckResult.missing(NAME, "1 MiB was not the same afterwards: please report this");
    } catch (TransferException e) {
      return CheckResult.missing(NAME, e);
    } catch (CommandException e) {
      return CheckResult.missing(NAME, String.valueOf(e.getMessage()));
    }
  }

  private static void move(
      Engine engine, Engine target, Operation operation, BlockMemory local, BlockMemory remote) {
    long address = remote.first().address();
    Transfer transfer =
        engine.submit(
            operation == Operation.WRITE
                ? TransferRequest.write(target.segmentName(), local.first(), address)
                : TransferRequest.read(target.segmentName(), local.first(), address));
    TransferState state = Transfers.forEnd(transfer);
    if (state != TransferState.COMPLETED) {
      throw CommandException.failed(
          operation
              + ": "
              + transfer.failure().map(TransferException::getMessage).orElse(state.toString()));
    }
  }
}
