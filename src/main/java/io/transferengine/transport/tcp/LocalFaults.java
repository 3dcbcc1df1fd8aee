// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.channel.unix.Errors;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * What fails on our side of a connection, in words: local memory that is gone, memory that cannot
 * be had, and mistakes of ours. None of them is the peer's doing, so no text here blames it.
 */
final class LocalFaults {
  private static final int ENOMEM = 12;
  private static final int EFAULT = 14;
  private static final int EOPNOTSUPP = 95;
  private static final int ENOBUFS = 105;

  /**
   * The failure of a transfer when there is no memory for another. Made before it runs out: what
   * ends a request must not need any, or the request keeps its own for ever.
   */
  @SuppressWarnings("StaticAssignmentOfThrowable") // its text is all that is wanted of it
  static final TransferException WORDLESS =
      new TransferException(
          ErrorCode.MEMORY,
          "This process ran out of memory, so that it cannot be said why the transfer failed",
          "Raise -Xmx or -XX:MaxDirectMemorySize, or have less under way");

  private LocalFaults() {}

  /** {@return whether the system refused to touch the memory that it was given} */
  static boolean isBadAddress(@Nullable Throwable error) {
    for (Throwable at = error; at != null; at = at.getCause()) {
      boolean isEpolls = at instanceof Errors.NativeIoException io && io.expectedErr() == -EFAULT;
      if (isEpolls || (at instanceof IOException && "Bad address".equals(at.getMessage()))) {
        return true;
      }
    }
    return false;
  }

  /** {@return whether the system does not send without a copy, here or now} */
  static boolean isZeroCopyRefused(Throwable error) {
    for (Throwable at = error; at != null; at = at.getCause()) {
      if (at instanceof Errors.NativeIoException io
          && (io.expectedErr() == -ENOMEM
              || io.expectedErr() == -ENOBUFS
              || io.expectedErr() == -EOPNOTSUPP)) {
        return true;
      }
    }
    return false;
  }

  /** {@return whether memory is the cause, gone or not to be had, rather than a mistake of ours} */
  static boolean isOfMemory(Throwable fault) {
    return fault instanceof InternalError
        || fault instanceof OutOfMemoryError
        || isBadAddress(fault);
  }

  /** {@return the failure of the transfer whose request was at work when something threw} */
  static TransferException ofRange(String peer, long local, long length, Throwable fault) {
    if (fault instanceof InternalError || isBadAddress(fault)) {
      return TransferException.withPeer(
          peer,
          ErrorCode.ADDRESS_NOT_REGISTERED,
          "the local memory from 0x%x to 0x%x cannot be accessed: %s"
              .formatted(local, local + length, fault.getMessage()),
          "Was its file truncated, or did /dev/shm or the huge pages run out? Registered memory has"
              + " to stay mapped and backed",
          fault);
    }
    if (fault instanceof OutOfMemoryError) {
      return outOfMemory(
          peer, "%d bytes at 0x%x could not be sent".formatted(length, local), fault);
    }
    return mistake(
        peer, "%d bytes at 0x%x could not be sent: %s".formatted(length, local, fault), fault);
  }

  /** {@return the failure of a transfer whose next requests could not be worked out} */
  static TransferException ofClaim(String peer, Throwable fault) {
    try {
      String what = "its next requests could not be prepared";
      return fault instanceof OutOfMemoryError
          ? outOfMemory(peer, what, fault)
          : mistake(peer, what + ": " + fault, fault);
    } catch (Throwable again) {
      return WORDLESS;
    }
  }

  /** {@return the failure of the transfers that a connection takes along when something threw} */
  static TransferException ofConnection(String peer, Throwable fault) {
    if (fault instanceof OutOfMemoryError) {
      return outOfMemory(peer, "data connection closed", fault);
    }
    if (fault instanceof InternalError || isBadAddress(fault)) {
      return TransferException.withPeer(
          peer,
          ErrorCode.SOCKET,
          "data connection closed: local memory of a transfer on it cannot be accessed",
          "Registered memory has to stay mapped and backed. The transfer may be tried again",
          fault);
    }
    return mistake(peer, "data connection closed by a fault of this process: " + fault, fault);
  }

  /** {@return the failure of what did not arrive as it was sent, in the words of {@code what}} */
  static TransferException damaged(String peer, String what) {
    return TransferException.withPeer(
        peer,
        ErrorCode.CHECKSUM,
        what,
        "Does a thread change the memory while it is sent? If not, look for bad memory or a bad"
            + " network device here, at the peer or between them",
        null);
  }

  /** {@return the failure of what there was no memory for, in the words of {@code what}} */
  static TransferException outOfMemory(String peer, String what, Throwable fault) {
    return TransferException.withPeer(
        peer,
        ErrorCode.MEMORY,
        what + ": this process ran out of memory (" + fault.getMessage() + ")",
        "Raise -Xmx or -XX:MaxDirectMemorySize, or have less under way",
        fault);
  }

  private static TransferException mistake(String peer, String what, Throwable fault) {
    return TransferException.withPeer(
        peer,
        ErrorCode.INVALID_ARGUMENT,
        what,
        "Please report it, with the ERROR in the log",
        fault);
  }
}
