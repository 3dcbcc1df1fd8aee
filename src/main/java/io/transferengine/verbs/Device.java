// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import io.transferengine.os.Errno;
import io.transferengine.os.NativeCallException;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The RDMA devices of this machine that libibverbs has a provider for. */
public final class Device {
  private Device() {}

  /**
   * {@return the devices' names, such as {@code mlx5_0}, in the library's order} Empty if there are
   * no devices, or the kernel has no RDMA at all.
   *
   * @param library the library to ask
   * @throws NativeCallException if the devices cannot be listed
   */
  public static List<String> names(VerbsLibrary library) {
    return withList(library, devices -> devices.stream().map(library::getDeviceName).toList());
  }

  /**
   * {@return {@code struct ibv_context *} of the device named {@code name}, now open}
   *
   * @throws TransferException if there is no such device
   * @throws NativeCallException if it cannot be opened
   */
  static MemorySegment open(VerbsLibrary library, String name) {
    return withList(
        library,
        devices -> {
          Optional<MemorySegment> device =
              devices.stream().filter(each -> library.getDeviceName(each).equals(name)).findFirst();
          return library.openDevice(
              device.orElseThrow(
                  () ->
                      TransferException.withDevice(
                          name,
                          ErrorCode.DEVICE_NOT_FOUND,
                          "no RDMA device of this name; libibverbs lists "
                              + devices.stream().map(library::getDeviceName).toList(),
                          "Check the name, and that the package with the device's provider"
                              + " (ibverbs-providers) is installed",
                          null)));
        });
  }

  /** Uses the devices while the list that holds them exists. */
  private interface ListUse<T> {
    T apply(List<MemorySegment> devices);
  }

  private static <T> T withList(VerbsLibrary library, ListUse<T> use) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment count = arena.allocate(ValueLayout.JAVA_INT);
      MemorySegment list;
      try {
        list = library.getDeviceList(count);
      } catch (NativeCallException failure) {
        if (failure.errno() == Errno.ENOSYS.number()) {
          return use.apply(List.of());
        }
        throw failure;
      }
      try {
        List<MemorySegment> devices = new ArrayList<>();
        for (int i = 0; i < count.get(ValueLayout.JAVA_INT, 0); i++) {
          devices.add(list.getAtIndex(ValueLayout.ADDRESS, i));
        }
        return use.apply(devices);
      } finally {
        library.freeDeviceList(list);
      }
    }
  }
}
