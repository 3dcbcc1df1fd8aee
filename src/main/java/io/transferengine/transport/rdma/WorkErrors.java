// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.verbs.WorkCompletionStatus;

/** Makes the exceptions for failed work requests, which the submitter of a transfer gets. */
final class WorkErrors {
  static final int SUCCESS = WorkCompletionStatus.SUCCESS.raw();

  private record Spare(TransferException failure) {}

  private static final Spare LOCAL_FAULT =
      new Spare(
          new TransferException(
              ErrorCode.MEMORY,
              "posting its requests failed in this process, perhaps because it has no memory left",
              "The log of this process has the cause; give it more heap, or report it"));

  private WorkErrors() {}

  /**
   * {@return the failure of a transfer for which our own code threw} It was made in advance,
   * because there may be no memory left. The log has the cause.
   */
  static TransferException localFault() {
    return LOCAL_FAULT.failure;
  }

  /** {@return whether the fault is in the request itself, so that another path would not help} */
  static boolean isRequestsFault(int status) {
    WorkCompletionStatus meaning = WorkCompletionStatus.of(status);
    return isPeersRefusal(status)
        || meaning == WorkCompletionStatus.LOCAL_LENGTH_ERROR
        || meaning == WorkCompletionStatus.LOCAL_PROTECTION_ERROR
        || meaning == WorkCompletionStatus.LOCAL_ACCESS_ERROR;
  }

  /** {@return whether the peer's device refused the range or the key} */
  static boolean isPeersRefusal(int status) {
    WorkCompletionStatus meaning = WorkCompletionStatus.of(status);
    return meaning == WorkCompletionStatus.REMOTE_ACCESS_ERROR
        || meaning == WorkCompletionStatus.REMOTE_INVALID_REQUEST_ERROR;
  }

  static TransferException ofRequest(
      String peerPath,
      String device,
      int status,
      int vendorError,
      Operation operation,
      long remote,
      int bytes) {
    String what =
        "the %s of %d bytes at 0x%x over %s failed: %s"
            .formatted(
                operation == Operation.WRITE ? "write" : "read",
                bytes,
                remote,
                device,
                text(status, vendorError));
    return TransferException.withPeer(
        peerPath,
        ErrorCode.ADDRESS_NOT_REGISTERED,
        what,
        isPeersRefusal(status)
            ? "Check the address, and that the peer still has this memory registered and lets peers"
                + " do this"
            : "This should not happen. Please report it",
        null);
  }

  static TransferException ofPath(String peerPath, String device, int status, int vendorError) {
    return TransferException.withPeer(
        peerPath,
        ErrorCode.ENDPOINT,
        "the path from %s was lost: %s".formatted(device, text(status, vendorError)),
        "Is the peer alive, are both links up, and are their MTUs the same?",
        null);
  }

  private static String text(int status, int vendorError) {
    return "%s (status %d, vendor error 0x%x)"
        .formatted(WorkCompletionStatus.of(status), status, vendorError);
  }

  static TransferException noSuchDevice(String peerPath) {
    return TransferException.withPeer(
        peerPath,
        ErrorCode.DEVICE_NOT_FOUND,
        "the peer does not publish this device any more",
        "./te doctor at the peer shows the state of its devices",
        null);
  }

  static TransferException refusedPost(String device, int errno) {
    return TransferException.withDevice(
        device,
        ErrorCode.ENDPOINT,
        "ibv_post_send failed with errno " + errno,
        "./te doctor shows the state of the device",
        null);
  }

  static TransferException notRegistered(long address, long bytes) {
    return new TransferException(
        ErrorCode.ADDRESS_NOT_REGISTERED,
        "%d bytes at 0x%x are not registered for RDMA any more".formatted(bytes, address),
        "Unregister memory only after its transfers have ended");
  }

  static TransferException unknownRemote(String peer, long address, long bytes) {
    return TransferException.withPeer(
        peer,
        ErrorCode.ADDRESS_NOT_REGISTERED,
        "%d bytes at 0x%x are not in any range that it has published".formatted(bytes, address),
        "Check the address and that the peer has registered the memory",
        null);
  }
}
