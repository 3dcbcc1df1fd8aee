// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import io.transferengine.logging.Printable;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.util.Optional;
import java.util.Set;

/**
 * What a piece of memory is. Transports are chosen by it, and it decides whether the processor may
 * touch the memory.
 *
 * <p>The API and the wire say it with a text, the location. It is read here and nowhere else.
 */
public sealed interface MemoryKind {
  /** Memory of the processor, of whichever NUMA node. */
  enum Host implements MemoryKind {
    /** The one that there is. */
    INSTANCE;

    @Override
    public String toString() {
      return "host memory";
    }
  }

  /**
   * The memory of a device.
   *
   * @param type as in a location: {@code cuda}
   * @param ordinal which of the devices of this type, from 0 up
   */
  record Device(String type, int ordinal) implements MemoryKind {
    /** {@return the location: {@code cuda:3}} */
    public String location() {
      return type + ":" + ordinal;
    }

    @Override
    public String toString() {
      return "device memory (" + location() + ")";
    }
  }

  /** {@return host memory} */
  static MemoryKind host() {
    return Host.INSTANCE;
  }

  /** {@return whether it is host memory, which every processor reads and writes by its address} */
  default boolean isHost() {
    return this == Host.INSTANCE;
  }

  /**
   * Reads the location that somebody gave to memory of this process.
   *
   * @param location {@code *} or {@code cpu:N} for host memory, {@code cuda:N} for a device's
   * @throws TransferException {@link ErrorCode#INVALID_ARGUMENT} that says what is wrong with it
   */
  static MemoryKind at(String location) {
    if (location.equals(Locations.ANYWHERE)) {
      return host();
    }
    String type = Locations.type(location);
    if (!Locations.isKnown(type)) {
      throw Locations.wrong(location, "it begins with none of " + Locations.shownTypes());
    }
    int number = Locations.number(location);
    if (number < 0) {
      throw Locations.wrong(
          location, "after '" + type + ":' there must be a number from 0 to " + Integer.MAX_VALUE);
    }
    return type.equals(Locations.CPU) ? host() : new Device(type, number);
  }

  /**
   * {@return what a location says that a peer has published for a buffer; empty for one that we
   * cannot read} Peers of other versions have further ones, and nothing of theirs is an error.
   */
  static Optional<MemoryKind> published(String location) {
    String type = Locations.type(location);
    int number = Locations.number(location);
    if (Locations.DEVICE_TYPES.contains(type) && number >= 0) {
      return Optional.of(new Device(type, number));
    }
    boolean host = location.equals(Locations.ANYWHERE) || type.equals(Locations.CPU);
    return host ? Optional.of(host()) : Optional.empty();
  }

  /** The form of locations. */
  final class Locations {
    private static final String ANYWHERE = "*";
    private static final String CPU = "cpu";

    /** Those that Mooncake's peers publish. */
    private static final Set<String> DEVICE_TYPES = Set.of("cuda", "hip", "maca", "musa", "npu");

    private Locations() {}

    private static boolean isKnown(String type) {
      return type.equals(CPU) || DEVICE_TYPES.contains(type);
    }

    /** {@return what is before the colon; empty without one} */
    private static String type(String location) {
      return location.substring(0, Math.max(0, location.indexOf(':')));
    }

    /** {@return the number after the colon; -1 if there is none} */
    private static int number(String location) {
      String digits = location.substring(location.indexOf(':') + 1);
      boolean plain = !digits.isEmpty() && digits.chars().allMatch(c -> c >= '0' && c <= '9');
      if (!plain || digits.length() > 10) {
        return -1;
      }
      long number = Long.parseLong(digits);
      return number <= Integer.MAX_VALUE ? (int) number : -1;
    }

    private static String shownTypes() {
      return CPU + ":, " + String.join(":, ", DEVICE_TYPES.stream().sorted().toList()) + ":";
    }

    private static TransferException wrong(String location, String what) {
      return new TransferException(
          ErrorCode.INVALID_ARGUMENT,
          "'" + Printable.of(location, 100) + "' is no location of memory: " + what,
          "Give '*' or 'cpu:N' for host memory (node N), 'cuda:N' for memory of device N");
    }
  }
}
