// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.StatusCodes.FAILED;

import io.transferengine.engine.BatchTable;
import io.transferengine.engine.OnStream;
import io.transferengine.engine.TransferHandle;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.util.Optional;

/** The transfers of one {@link TransferEngine}, by numbers and status codes. Thread-safe. */
final class Batches {
  private final BatchTable table = new BatchTable();

  Batches() {}

  static TransferRequest request(
      String target, long buffer, long peerAddress, long length, TransferOpcode opcode) {
    return TransferRequest.of(
        opcode.operation(), target, BlockColumns.of(buffer, peerAddress, length));
  }

  static TransferRequest request(
      String target, long[] buffers, long[] peerAddresses, long[] lengths, TransferOpcode opcode) {
    return TransferRequest.of(
        opcode.operation(), target, BlockColumns.of(buffers, peerAddresses, lengths));
  }

  /** {@return the number of a transfer that has begun, or the code of an argument error} */
  long submit(Engine open, TransferRequest request) {
    try {
      return table.add(open.begin(request));
    } catch (TransferException e) {
      if (e.code() == ErrorCode.ADDRESS_NOT_REGISTERED) {
        return StatusCodes.failed("transferSubmit", e);
      }
      throw e;
    }
  }

  /** As {@link #submit(Engine, TransferRequest)}, in the order of a stream. */
  long submit(Engine open, TransferRequest request, long stream) {
    try {
      return table.add(OnStream.submit(open.core(), request, stream));
    } catch (TransferException e) {
      if (e.code() == ErrorCode.ADDRESS_NOT_REGISTERED) {
        return StatusCodes.failed("transferOnCuda", e);
      }
      throw e;
    }
  }

  /** {@return how a transfer ended} Waits for the end. */
  static int await(Engine open, TransferRequest request) throws InterruptedException {
    TransferHandle transfer = open.move(request);
    transfer
        .failure()
        .ifPresent(why -> StatusCodes.logFailure("transferSync", "" + why.getMessage()));
    if (transfer.state() == TransferState.COMPLETED) {
      return 0;
    }
    return transfer
        .failure()
        .filter(failure -> transfer.state() == TransferState.FAILED)
        .filter(failure -> failure.code() != ErrorCode.ADDRESS_NOT_REGISTERED)
        .map(failure -> failure.code().value())
        .orElse(FAILED);
  }

  /**
   * {@return the state of a batch: 0 while it runs, then once 1, -1 or -2; -1 for an unknown one}
   */
  int check(long id) {
    Optional<BatchTable.Result> found;
    try {
      found = table.find(id);
    } catch (OutOfMemoryError scarce) {
      // Its state is not known; "failed" would be untrue. The caller may ask again.
      return 0;
    }
    if (found.isEmpty()) {
      return FAILED;
    }
    TransferState state = found.get().state();
    if (!state.isTerminal()) {
      return 0;
    }
    if (!table.forget(id)) {
      // Another thread got the result at the same moment.
      return FAILED;
    }
    StatusCodes.logFailure("transferCheckStatus", found.get().failure());
    return switch (state) {
      case COMPLETED -> 1;
      case TIMEOUT -> -2;
      case WAITING, PENDING, INVALID, CANCELED, FAILED -> FAILED;
    };
  }

  /** {@return 0 if all batches completed, else -1} Waits for all. */
  int awaitAll(long[] ids) throws InterruptedException {
    int result = 0;
    for (long id : ids) {
      Optional<BatchTable.Result> found = table.await(id);
      table.forget(id);
      if (found.isEmpty() || found.get().state() != TransferState.COMPLETED) {
        result = FAILED;
      }
      found.ifPresent(ended -> StatusCodes.logFailure("getBatchTransferStatus", ended.failure()));
    }
    return result;
  }
}
