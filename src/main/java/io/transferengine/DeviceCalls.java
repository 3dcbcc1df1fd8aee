// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.StatusCodes.FAILED;
import static io.transferengine.StatusCodes.failed;
import static io.transferengine.TransferOpcode.READ;
import static io.transferengine.TransferOpcode.WRITE;

import io.transferengine.access.AccessRights;
import io.transferengine.transfer.TransferRequest;
import java.util.function.Supplier;

/** The calls of {@link TransferEngine} that are about the memory of devices. Thread-safe. */
abstract sealed class DeviceCalls permits TransferEngine {
  final Batches batches = new Batches();

  DeviceCalls() {}

  /** {@return the engine; throws if there is none} */
  abstract Engine open();

  /**
   * Allocates registered memory at a location.
   *
   * @param length in bytes, above 0
   * @param location {@code cuda:N} for memory of CUDA device N, which the processor must not touch
   *     ({@link TransferEngine#writeBytesToBuffer} and {@link TransferEngine#readBytesFromBuffer}
   *     copy to it and from it); {@code *} for host memory
   * @return its address; 0 on failure. {@link TransferEngine#freeManagedBuffer} takes it back
   */
  public long allocateManagedBuffer(long length, String location) {
    return allocateManagedBuffer(length, location, AccessRights.READ_WRITE);
  }

  /**
   * As {@link #allocateManagedBuffer(long, String)}, and says what peers may do with the memory.
   *
   * @param length as there
   * @param location as there
   * @param rights what peers may do; our own transfers may use the memory either way
   * @return as there
   */
  public long allocateManagedBuffer(long length, String location, AccessRights rights) {
    try {
      return open().core().memory().allocate(length, location, rights).address();
    } catch (Throwable t) {
      return failed("allocateManagedBuffer", t, 0L);
    }
  }

  /**
   * Writes registered memory to a peer in the order of a stream of CUDA: the transfer begins when
   * all that was begun on the stream before is over, and what is begun there afterwards begins when
   * the transfer has ended, in whichever way. Does not wait.
   *
   * <p>Mooncake's {@code transfer_write_on_cuda} ends the process when the transfer fails. Here the
   * stream goes on, and the batch's status says so: ask for it before you trust the bytes.
   *
   * @param targetHostname the peer's segment
   * @param buffer our memory, of a device or of the host
   * @param peerBufferAddress the peer's
   * @param length in bytes; 0 does nothing
   * @param stream the handle ({@code CUstream}, {@code cudaStream_t}) of a stream of the device
   *     that {@code buffer} belongs to, or of {@code cuda:0} for host memory; 0 for its default
   *     stream. Not one that is being captured
   * @return a batch id above 0, for {@link TransferEngine#transferCheckStatus} and {@link
   *     TransferEngine#getBatchTransferStatus}; -3 if our range is not registered or managed here,
   *     -1 for other invalid arguments, a driver without {@code cuStreamWaitValue32_v2}, and
   *     whatever else refuses the transfer at once. Then the stream does not wait, and nothing that
   *     needs the bytes may be begun there
   */
  public long transferWriteOnCuda(
      String targetHostname, long buffer, long peerBufferAddress, long length, long stream) {
    return onCuda(
        () -> Batches.request(targetHostname, buffer, peerBufferAddress, length, WRITE), stream);
  }

  /**
   * Reads a peer's memory into ours in the order of a stream of CUDA, as {@link
   * #transferWriteOnCuda} does.
   *
   * @param targetHostname as there
   * @param buffer as there
   * @param peerBufferAddress as there
   * @param length as there
   * @param stream as there
   * @return as there
   */
  public long transferReadOnCuda(
      String targetHostname, long buffer, long peerBufferAddress, long length, long stream) {
    return onCuda(
        () -> Batches.request(targetHostname, buffer, peerBufferAddress, length, READ), stream);
  }

  /**
   * Writes several blocks in the order of a stream of CUDA, as {@link #transferWriteOnCuda} does
   * one.
   *
   * @param targetHostname the peer's segment
   * @param buffers our addresses
   * @param peerBufferAddresses the peer's, as many
   * @param lengths in bytes, as many
   * @param stream as there; of the device of the first of our blocks that is a device's
   * @return as there
   */
  public long batchTransferWriteOnCuda(
      String targetHostname,
      long[] buffers,
      long[] peerBufferAddresses,
      long[] lengths,
      long stream) {
    return onCuda(
        () -> Batches.request(targetHostname, buffers, peerBufferAddresses, lengths, WRITE),
        stream);
  }

  /**
   * Reads several blocks in the order of a stream of CUDA, as {@link #batchTransferWriteOnCuda}
   * writes them.
   *
   * @param targetHostname as there
   * @param buffers as there
   * @param peerBufferAddresses as there
   * @param lengths as there
   * @param stream as there
   * @return as there
   */
  public long batchTransferReadOnCuda(
      String targetHostname,
      long[] buffers,
      long[] peerBufferAddresses,
      long[] lengths,
      long stream) {
    return onCuda(
        () -> Batches.request(targetHostname, buffers, peerBufferAddresses, lengths, READ), stream);
  }

  private long onCuda(Supplier<TransferRequest> request, long stream) {
    try {
      return batches.submit(open(), request.get(), stream);
    } catch (Throwable t) {
      return failed("transferOnCuda", t, (long) FAILED);
    }
  }
}
