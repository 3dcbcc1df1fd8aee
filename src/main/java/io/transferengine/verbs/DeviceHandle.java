// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The part of an open device that the objects made from it need. {@link Context}, which makes these
 * objects, is the only subclass.
 */
abstract class DeviceHandle extends Handle {
  private final VerbsLibrary library;
  private final String deviceName;
  private final MemorySegment handle;
  private final DataPath dataPath;

  /** Numbers of the open queue pairs by the address of their {@code struct ibv_qp}. */
  private final Map<Long, Integer> queuePairNumbers = new ConcurrentHashMap<>();

  DeviceHandle(VerbsLibrary library, String deviceName, MemorySegment handle) {
    super("context of " + deviceName, List.of());
    this.library = library;
    this.deviceName = deviceName;
    this.handle = handle;
    this.dataPath = library.dataPath(handle);
  }

  /** {@return the device's name, such as {@code mlx5_0}} */
  public String deviceName() {
    return deviceName;
  }

  /** {@return the library that this device was opened with} */
  public VerbsLibrary library() {
    return library;
  }

  MemorySegment handle() {
    return handle;
  }

  DataPath dataPath() {
    return dataPath;
  }

  void queuePairOpened(MemorySegment queuePair, int number) {
    queuePairNumbers.put(queuePair.address(), number);
  }

  void queuePairClosed(MemorySegment queuePair) {
    queuePairNumbers.remove(queuePair.address());
  }

  /** {@return the number of a queue pair of the device; -1 if it is not open} */
  int queuePairNumber(MemorySegment queuePair) {
    return queuePairNumbers.getOrDefault(queuePair.address(), -1);
  }

  @Override
  void destroy() {
    library.closeDevice(handle);
  }
}
