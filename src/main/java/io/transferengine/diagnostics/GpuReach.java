// SPDX-License-Identifier: Apache-2.0
package io.transferengine.diagnostics;

import io.transferengine.device.Device;
import io.transferengine.device.DeviceExports;
import io.transferengine.device.Devices;
import io.transferengine.device.DmaBuf;
import io.transferengine.memory.MemoryKind;
import io.transferengine.os.NativeCallException;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.verbs.Access;
import io.transferengine.verbs.Context;
import io.transferengine.verbs.MemoryRegion;
import io.transferengine.verbs.ProtectionDomain;
import io.transferengine.verbs.Verbs;
import io.transferengine.verbs.VerbsLibrary;
import java.nio.file.Path;

/** Tries how a network card reaches memory of a GPU, as an engine would. */
final class GpuReach {
  private static final Path SYS = Path.of("/sys");

  /** As much as a GPU allocates at once. */
  private static final long BYTES = 2L << 20;

  private static final int ACCESS = Access.LOCAL_WRITE | Access.REMOTE_READ | Access.REMOTE_WRITE;

  private GpuReach() {}

  static String of(DeviceExports exports, int ordinal, String rdmaDevice) {
    VerbsLibrary library = Verbs.library();
    try (Devices devices = new Devices()) {
      Device device = devices.of(MemoryKind.at("cuda:" + ordinal));
      long address = device.allocate(BYTES);
      try (Context context = Context.open(library, rdmaDevice);
          ProtectionDomain domain = context.allocateProtectionDomain()) {
        return tried(exports, library, ordinal, address, domain);
      } finally {
        device.free(address);
      }
    } catch (NativeCallException e) {
      throw new TransferException(ErrorCode.CONTEXT, String.valueOf(e.getMessage()), "", e);
    }
  }

  private static String tried(
      DeviceExports exports,
      VerbsLibrary library,
      int ordinal,
      long address,
      ProtectionDomain domain) {
    String first = exports.whyNoDmaBufs(library.hasDmabufMr(), ordinal);
    if (first.isEmpty()) {
      try (DmaBuf exported = exports.export(ordinal, address, BYTES);
          MemoryRegion _ =
              domain.registerDmaBuf(
                  address, BYTES, exported.offsetOf(address), exported.descriptor(), ACCESS)) {
        return "dma-buf";
      } catch (NativeCallException | TransferException e) {
        first = String.valueOf(e.getMessage());
      }
    }
    String second = DeviceExports.whyNoPeerMemory(SYS);
    if (second.isEmpty()) {
      try (MemoryRegion _ = domain.register(address, BYTES, ACCESS)) {
        return "nvidia_peermem";
      } catch (NativeCallException e) {
        second = String.valueOf(e.getMessage());
      }
    }
    throw new TransferException(
        ErrorCode.CONTEXT,
        "neither as a dma-buf (" + first + ") nor by peer memory (" + second + ")",
        DeviceExports.PEER_MEMORY_REMEDY);
  }
}
