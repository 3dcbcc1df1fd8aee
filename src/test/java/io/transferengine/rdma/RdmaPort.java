// SPDX-License-Identifier: Apache-2.0
package io.transferengine.rdma;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A device whose port 1 is up, and its IPv4 address.
 *
 * @param device such as {@code rxe0}
 * @param address such as {@code 10.99.0.1}
 */
record RdmaPort(String device, String address) {
  private static final Path DEVICES = Path.of("/sys/class/infiniband");
  private static final String MAPPED_IPV4 = "0000:0000:0000:0000:0000:ffff:";

  /** {@return whether this is the soft-RoCE guest, where cables can be cut and limits be set} */
  static boolean inGuest() {
    return System.getenv("TE_GUEST") != null;
  }

  /** Skips the test elsewhere. */
  static void requireGuest() {
    assumeTrue(inGuest(), "it cuts cables or sets limits, which only the soft-RoCE guest allows");
  }

  /** {@return the one that this process uses} */
  static RdmaPort ours() {
    return pair().getFirst();
  }

  /** {@return the one that the other process uses: of the same network, or the same one} */
  static RdmaPort theirs() {
    return pair().getLast();
  }

  private static List<RdmaPort> pair() {
    List<RdmaPort> all = usable();
    if (all.isEmpty()) {
      throw new IllegalStateException("no RDMA device with an active port and an IPv4 address");
    }
    RdmaPort first = all.getFirst();
    RdmaPort second =
        all.stream()
            .skip(1)
            .filter(port -> port.network().equals(first.network()))
            .findFirst()
            .orElse(first);
    return List.of(first, second);
  }

  private String network() {
    return address.substring(0, address.lastIndexOf('.'));
  }

  /** {@return all of this machine, by name} */
  static List<RdmaPort> usable() {
    List<RdmaPort> found = new ArrayList<>();
    try (Stream<Path> devices = Files.list(DEVICES)) {
      for (Path device : devices.sorted().toList()) {
        if (read(device.resolve("ports/1/state")).contains("ACTIVE")) {
          address(device).ifPresent(a -> found.add(new RdmaPort(name(device), a)));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return found;
  }

  private static String name(Path path) {
    return String.valueOf(path.getFileName());
  }

  private static Optional<String> address(Path device) throws IOException {
    try (Stream<Path> gids = Files.list(device.resolve("ports/1/gids"))) {
      return gids.sorted()
          .map(RdmaPort::read)
          .filter(gid -> gid.startsWith(MAPPED_IPV4))
          .findFirst()
          .map(gid -> dotted(gid.substring(MAPPED_IPV4.length()).replace(":", "")));
    }
  }

  private static String dotted(String hex) {
    long bits = Long.parseLong(hex, 16);
    return "%d.%d.%d.%d".formatted(bits >> 24, (bits >> 16) & 255, (bits >> 8) & 255, bits & 255);
  }

  /** Longer than the kernel keeps a device's counters before it reads them again. */
  private static final int COUNTERS_KEPT_MILLIS = 50;

  /**
   * {@return packets that a device has sent so far, where it counts those to itself, those too}
   * Takes a moment, so as not to read what is old.
   */
  static long packetsSent(String device) {
    try {
      Thread.sleep(COUNTERS_KEPT_MILLIS);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
    Path port = DEVICES.resolve(device + "/ports/1");
    String soft = read(port.resolve("hw_counters/sent_pkts"));
    return Long.parseLong(soft.isEmpty() ? read(port.resolve("counters/port_xmit_packets")) : soft);
  }

  private static String read(Path file) {
    try {
      return Files.readString(file).strip();
    } catch (IOException e) {
      // The entries of an empty slot of the GID table cannot be read.
      return "";
    }
  }
}
