// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import io.transferengine.access.AccessRights;
import io.transferengine.memory.BuddyAllocator.FreeResult;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import org.slf4j.Logger;

/** What a {@code MemoryPool} says when it refuses something. */
final class PoolErrors {
  /** The option that the limit of a pool comes from. */
  static final String LIMIT_OPTION = "TE_MANAGED_MEMORY_LIMIT_BYTES";

  private PoolErrors() {}

  /** {@return the figures that every refusal for want of memory names} */
  static String requestText(
      long lengthBytes, AccessRights rights, long usedBytes, long reservedBytes, long limitBytes) {
    return lengthBytes
        + " bytes requested"
        + (rights == AccessRights.READ_WRITE ? "" : " that peers may " + rights.text())
        + " ("
        + usedBytes
        + " in use in pools of "
        + reservedBytes
        + (limitBytes == Long.MAX_VALUE ? "" : ", limit " + limitBytes)
        + ")";
  }

  static TransferException aboveLimit(String request) {
    return new TransferException(
        ErrorCode.MEMORY,
        "Managed memory has no room for " + request,
        "Free buffers, or raise " + LIMIT_OPTION + ". Pools for other rights do not serve.");
  }

  static TransferException waitEnded(String problem, String request) {
    return new TransferException(
        ErrorCode.MEMORY,
        problem + "; not allocated: " + request,
        "Try again, or raise " + LIMIT_OPTION + ".");
  }

  static TransferException noMemory(String request, OutOfMemoryError cause) {
    return new TransferException(
        ErrorCode.MEMORY,
        "The system has no memory for " + request + ": " + cause.getMessage(),
        "Free buffers, raise what the process may have (ulimit -v, the container's limit), or set "
            + LIMIT_OPTION
            + " to what the machine can give.",
        cause);
  }

  static TransferException noDeviceMemory(String request, OutOfMemoryError cause) {
    return new TransferException(
        ErrorCode.MEMORY,
        "The device has no memory for " + request + ": " + cause.getMessage(),
        "Free memory there, or ask for less; nvidia-smi shows who has how much",
        cause);
  }

  static void requireOpen(boolean isClosed) {
    if (isClosed) {
      throw new TransferException(
          ErrorCode.CLOSED, "Managed memory is closed", "Open a new engine.");
    }
  }

  /** The block is free, but something holds on to the pool that it was the last one of. */
  static TransferException kept(PoolMemory memory, TransferException cause) {
    return new TransferException(
        cause.code(),
        "The buffer is free, but its pool of "
            + memory.bytes()
            + " bytes at "
            + Ranges.hex(memory.address())
            + " cannot be returned yet: "
            + cause.getMessage(),
        "It counts against "
            + LIMIT_OPTION
            + " until it can; that is tried when memory is freed or needed, and on closing.",
        cause);
  }

  /** Logs what went wrong after a block was freed, which it is all the same. Throws nothing. */
  static void logAfterFree(Logger log, Throwable thrown) {
    try {
      if (thrown instanceof TransferException) {
        log.warn("{}", thrown.getMessage());
      } else {
        log.warn("A buffer is free, but memory could not be returned yet", thrown);
      }
    } catch (Throwable unlogged) {
      // Not even memory for the text.
    }
  }

  static TransferException beingFreed(long address) {
    return new TransferException(
        ErrorCode.ADDRESS_NOT_REGISTERED,
        "Managed buffer at " + Ranges.hex(address) + " is being freed by another thread",
        "Free each buffer once.");
  }

  /** Refuses everything but {@link FreeResult#FREED}. */
  static void requireFreed(FreeResult result, long address, long lengthBytes) {
    switch (result) {
      case FREED -> {}
      case NOT_ALLOCATED ->
          throw new TransferException(
              ErrorCode.ADDRESS_NOT_REGISTERED,
              "No managed buffer begins at " + Ranges.hex(address),
              "Free the address that the allocation returned.");
      case ALREADY_FREE ->
          throw new TransferException(
              ErrorCode.ADDRESS_NOT_REGISTERED,
              "Managed buffer at " + Ranges.hex(address) + " was freed before",
              "Free each buffer once.");
      case WRONG_LENGTH ->
          throw new TransferException(
              ErrorCode.INVALID_ARGUMENT,
              "Managed buffer at "
                  + Ranges.hex(address)
                  + " was not allocated with "
                  + lengthBytes
                  + " bytes",
              "Free it with the length that it was allocated with.");
    }
  }
}
