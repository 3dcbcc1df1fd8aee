// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.device.StreamGates;
import io.transferengine.memory.MemoryKind;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;

/**
 * Transfers in the order of a stream of CUDA: behind what was begun there before, and before what
 * is begun there afterwards.
 */
public final class OnStream {
  private OnStream() {}

  /**
   * Begins a transfer when the stream has come to it; the stream goes on when the transfer has
   * ended. At its deadline, or when it is canceled or its engine is closed, the stream goes on at
   * once: what is under way may be a copy that cannot run before. A stream cannot be told that
   * bytes have not arrived; so a transfer that has not even begun is refused here, before the
   * caller begins what needs them.
   *
   * @param stream the handle; 0 for the default stream of the device that the memory belongs to
   * @throws io.transferengine.transfer.TransferException as for any transfer, and if there is no
   *     such stream, or its event cannot be waited for; then the stream goes on
   */
  public static TransferHandle submit(EngineCore core, TransferRequest request, long stream) {
    core.requireOpen();
    LocalMemory memory = core.memory();
    MemoryKind device = AfterEvent.asked(memory.regions(), request.blocks());
    StreamGates.Gate gate = memory.devices().gates().close(device, stream);
    TransferHandle handle;
    try {
      handle = core.submit(request.after(gate.event()));
    } catch (Throwable t) {
      gate.run();
      throw t;
    }
    // Throws nothing: from here on the gate opens with the transfer's outcome, and only so. It may
    // be another transfer's as soon as it was open.
    handle.onOutcome(gate);
    if (handle.isRefused()) {
      // Somebody else may be ending it, and be about to tell why.
      throw handle
          .failure()
          .orElseGet(
              () ->
                  new TransferException(
                      ErrorCode.INVALID_ARGUMENT,
                      "The event of stream 0x" + Long.toHexString(stream) + " cannot be waited for",
                      "Submit it again, or synchronize the stream first"));
    }
    return handle;
  }
}
