// SPDX-License-Identifier: Apache-2.0
package io.transferengine.topology;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * The place of a device on the PCI bus: the bridges from the root of its hierarchy down to it, as
 * in {@code pci0000:00/0000:00:01.0/0000:01:00.0}.
 */
final class PciLocation {
  /** Domain, bus, device and function. */
  static final Pattern ADDRESS =
      Pattern.compile("[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\\.[0-9a-f]");

  private static final Pattern ROOT = Pattern.compile("pci[0-9a-f]{4,8}:[0-9a-f]{2}");

  private PciLocation() {}

  /**
   * {@return the location behind the link {@code device} of sysfs; empty for a device that is not
   * on a PCI bus}
   */
  static Optional<String> of(Path device) {
    if (!Files.exists(device)) {
      return Optional.empty();
    }
    List<String> location = new ArrayList<>();
    try {
      for (Path part : device.toRealPath()) {
        String name = part.toString();
        if (location.isEmpty() ? ROOT.matcher(name).matches() : ADDRESS.matcher(name).matches()) {
          location.add(name);
        }
      }
    } catch (IOException vanished) {
      return Optional.empty();
    }
    return location.size() < 2 ? Optional.empty() : Optional.of(String.join("/", location));
  }

  /**
   * {@return the number of links of the hierarchy between two locations; the largest number if one
   * of them is not known}
   */
  static int distance(Optional<String> left, Optional<String> right) {
    if (left.isEmpty() || right.isEmpty()) {
      return Integer.MAX_VALUE;
    }
    String[] from = left.get().split("/", -1);
    String[] to = right.get().split("/", -1);
    int common = 0;
    while (common < Math.min(from.length, to.length) && from[common].equals(to[common])) {
      common++;
    }
    return from.length + to.length - 2 * common;
  }
}
