// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.logging.SystemError;
import io.transferengine.os.Errno;
import io.transferengine.os.NativeCallException;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.util.Optional;

/** The failures of transfers on one machine. */
final class LocalFaults {
  private LocalFaults() {}

  /** {@return the failure when our own code threw} To be made in advance: memory may run out. */
  static TransferException mistake() {
    return new TransferException(
        ErrorCode.MEMORY,
        "Copying for the transfer failed in this process, perhaps for want of memory",
        "The log of this process has the cause; give it more heap, or report it");
  }

  static TransferException closed() {
    return new TransferException(ErrorCode.CLOSED, "The local transport is not running", "");
  }

  /** The kernel gives no area. The error says why, and so what to do. */
  static TransferException noArea(NativeCallException why) {
    String remedy =
        switch (why.errnoName()) {
          case "ENOMEM" ->
              "Raise the limit on address space (ulimit -v), or free memory; see vm.max_map_count"
                  + " and vm.overcommit_memory, too";
          case "ENOSYS" -> "The kernel or the C library does not know the call";
          case "EACCES", "EPERM" -> "A sandbox forbids the call, or vm.memfd_noexec does";
          default -> SystemError.remedy(why, "Report it");
        };
    return new TransferException(
        ErrorCode.NOT_IMPLEMENTED,
        "The kernel gives no area for copies on one machine: " + why.getMessage(),
        remedy + "; or set TE_LOCAL=off",
        why);
  }

  /** The kernel does not show our own area. */
  static TransferException noSight(Optional<String> blindness) {
    return new TransferException(
        ErrorCode.NOT_IMPLEMENTED,
        "/proc/self/maps does not show the area of copies on one machine, by which peers see that"
            + " it is ours"
            + blindness.map(why -> ": " + why).orElse(""),
        "Set TE_LOCAL=off"
            + (blindness.isEmpty() ? ", or mount /proc" : " if that cannot be mended"));
  }

  /** The peer lets this process copy nothing, or could not be asked. */
  static TransferException noLease(String peer) {
    return TransferException.withPeer(
        peer,
        ErrorCode.SOCKET,
        "it is on this machine, but gives this process no slots for copies",
        "The log says why; TE_LOCAL=auto or off reaches it over the network",
        null);
  }

  /** The peer has given us slots, and we cannot reach them. */
  static TransferException notMapped(String peer, NativeCallException why) {
    return TransferException.withPeer(
        peer,
        ErrorCode.SOCKET,
        "it is on this machine, but its area for copies cannot be mapped: " + why.getMessage(),
        SystemError.remedyHere(why)
                .orElse(
                    why.errno() == Errno.ENOMEM.number()
                        ? "Has this process used up its mappings (vm.max_map_count) or its address"
                            + " space?"
                        : "Does a security module forbid to open /proc/PID/fd of that process, or"
                            + " has it just ended?")
            + " TE_LOCAL=auto or off reaches it over the network",
        why);
  }

  /** A range that the peer has not published, or has taken back. */
  static TransferException notRegistered(String peer, long address, long length) {
    return TransferException.withPeer(
        peer,
        ErrorCode.ADDRESS_NOT_REGISTERED,
        "%d bytes at 0x%x are not wholly inside memory that it has registered"
            .formatted(length, address),
        "Check address and length, and that the peer has registered the memory",
        null);
  }

  /** A range that the peer's area excludes, whatever its descriptor says. */
  static TransferException refused(String peer, long address, long length) {
    return TransferException.withPeer(
        peer,
        ErrorCode.ADDRESS_NOT_REGISTERED,
        "its area refuses %d bytes at 0x%x: not wholly inside the registration that its descriptor"
                .formatted(length, address)
            + " has there, or inside a managed buffer that is not freed, or that may not be done"
            + " with it",
        "Check the address, that the peer has the memory still, and that it lets peers do this",
        null);
  }

  /** Memory of the peer that has no entry in its area. */
  static TransferException notCopied(String peer, long address) {
    return TransferException.withPeer(
        peer,
        ErrorCode.ADDRESS_NOT_REGISTERED,
        "its memory at 0x%x has no place in its area, or was just registered: it is reached over the"
                .formatted(address)
            + " network",
        "Set TE_LOCAL=auto instead of required, or let the peer register fewer, larger ranges",
        null);
  }

  /** Memory of a device cannot be copied here. {@code why} is a clause. */
  static TransferException notOpened(String why) {
    return new TransferException(ErrorCode.NOT_IMPLEMENTED, why, "");
  }

  /** What cannot be copied, and may go over no other transport. */
  static TransferException notCopied(String peer, String why) {
    return TransferException.withPeer(
        peer,
        ErrorCode.NOT_IMPLEMENTED,
        "memory of devices of this transfer cannot be copied on this machine: " + why,
        "Set TE_LOCAL=auto instead of required: then it goes over the network",
        null);
  }

  /** The process at the other end does not let us in any more. */
  static TransferException lost(String peer, int pid, long errno) {
    return TransferException.withPeer(
        peer,
        ErrorCode.SOCKET,
        "process %d on this machine has no area for copies there any more: %s"
            .formatted(pid, Errno.describe((int) errno)),
        "Has it ended or been restarted? The transfer may be tried again",
        null);
  }

  /** The kernel did not copy, for a reason that is not the other process. */
  static TransferException notDone(String peer, int pid, long errno) {
    return TransferException.withPeer(
        peer,
        ErrorCode.MEMORY,
        "the kernel of this machine copies nothing from or to process %d: %s"
            .formatted(pid, Errno.describe((int) errno)),
        "If it is for want of memory, free some; else set TE_LOCAL=off. Then try it again",
        null);
  }

  /** The kernel could not copy a range, of which ours can be read. */
  static TransferException remoteGone(String peer, long address, long length) {
    return TransferException.withPeer(
        peer,
        ErrorCode.ADDRESS_NOT_REGISTERED,
        "its memory from 0x%x to 0x%x is registered, but cannot be accessed"
            .formatted(address, address + length),
        "Registered memory has to stay mapped and backed. Was it unmapped or its file truncated?",
        null);
  }

  /** Our own memory is gone. */
  static TransferException localGone(String peer, long address, long length) {
    return TransferException.withPeer(
        peer,
        ErrorCode.ADDRESS_NOT_REGISTERED,
        "the local memory from 0x%x to 0x%x cannot be accessed"
            .formatted(address, address + length),
        "Was its file truncated, or did /dev/shm or the huge pages run out? Registered memory has"
            + " to stay mapped and backed",
        null);
  }
}
