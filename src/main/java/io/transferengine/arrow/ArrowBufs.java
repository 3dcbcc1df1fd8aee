// SPDX-License-Identifier: Apache-2.0
package io.transferengine.arrow;

import io.transferengine.Segment;
import io.transferengine.buffers.BufferTransfer;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.apache.arrow.memory.ArrowBuf;

/**
 * Transfers of what Arrow's buffers hold. A write takes the bytes that can be read, and moves the
 * reader index behind them; a read fills what can be written without growing the buffer, and moves
 * the writer index. Both do so when the transfer is complete; if it fails, indices stay.
 *
 * <p>A buffer must be in registered memory ({@link ArrowMemory}). It is retained while the transfer
 * runs. The caller's own count is the caller's. Vectors keep no writer index: give the buffer one,
 * or take a slice.
 */
@SuppressWarnings("exports") // Arrow is no module that we require: who calls this has it
public final class ArrowBufs {
  private ArrowBufs() {}

  /**
   * Begins to write what can be read of a buffer to the peer; does not block.
   *
   * @param peer the peer
   * @param source the buffer
   * @param remoteAddress where the first byte goes at the peer
   * @return the transfer
   * @throws TransferException as {@link Segment#submit}
   */
  public static BufferTransfer write(Segment peer, ArrowBuf source, long remoteAddress) {
    Objects.requireNonNull(source, "source must not be null");
    return submit(peer, Operation.WRITE, List.of(source), new long[] {remoteAddress});
  }

  /**
   * Begins to fill a buffer from the peer's memory, from its writer index to its capacity; does not
   * block.
   *
   * @param peer the peer
   * @param destination the buffer
   * @param remoteAddress where the first byte is at the peer
   * @return the transfer
   * @throws TransferException as {@link Segment#submit}
   */
  public static BufferTransfer read(Segment peer, ArrowBuf destination, long remoteAddress) {
    Objects.requireNonNull(destination, "destination must not be null");
    return submit(peer, Operation.READ, List.of(destination), new long[] {remoteAddress});
  }

  /**
   * Begins to move several buffers as one batch; does not block.
   *
   * @param peer the peer
   * @param operation the direction
   * @param buffers the buffers, none twice if they are read into
   * @param remoteAddresses for each buffer, where its first byte is at the peer
   * @return the transfer
   * @throws TransferException as {@link Segment#submit}, and for columns of different lengths
   */
  public static BufferTransfer submit(
      Segment peer, Operation operation, List<ArrowBuf> buffers, long[] remoteAddresses) {
    Objects.requireNonNull(peer, "peer must not be null");
    Objects.requireNonNull(operation, "operation must not be null");
    Objects.requireNonNull(buffers, "buffers must not be null");
    Objects.requireNonNull(remoteAddresses, "remoteAddresses must not be null");
    List<CountedArrowBuf> held = new ArrayList<>(buffers.size());
    for (ArrowBuf buffer : buffers) {
      held.add(new CountedArrowBuf(buffer, operation));
    }
    // Addresses are asked for when all are retained: nobody can give the memory back any more.
    return BufferTransfer.submit(held, () -> peer.submit(operation, blocks(held, remoteAddresses)));
  }

  private static BlockColumns blocks(List<CountedArrowBuf> held, long[] remoteAddresses) {
    if (held.size() != remoteAddresses.length) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT,
          held.size() + " buffers, but " + remoteAddresses.length + " addresses",
          "Give one address for each buffer");
    }
    long[] local = new long[held.size()];
    long[] lengths = new long[held.size()];
    for (int i = 0; i < local.length; i++) {
      local[i] = held.get(i).address();
      lengths[i] = held.get(i).length();
    }
    return BlockColumns.of(local, remoteAddresses, lengths);
  }
}
