// SPDX-License-Identifier: Apache-2.0
package io.transferengine.topology;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * The GID table of a port, read from sysfs (Linux:
 * Documentation/ABI/stable/sysfs-class-infiniband). Rows come and go with the addresses of the
 * port's network interface.
 */
public final class GidTable {
  /** The names that Linux allows for an interface; others could garble lines. */
  private static final Pattern NETDEV = Pattern.compile("[!-~&&[^/]]{1,15}");

  /**
   * After this many empty rows in a row, the rest counts as empty: a table may have 1024 rows, and
   * reading each takes some system calls. Linux fills the first free row (gid cache of ib_core), so
   * a longer gap means that as many addresses were removed. The 256 indexes that {@code
   * MC_GID_INDEX} can name are always read.
   */
  private static final int GAP_MAX = 256;

  private GidTable() {}

  /**
   * {@return the filled rows by ascending index; none if the port does not exist}
   *
   * @param sysRoot {@code /sys}, or a folder that looks like it
   * @param device the name of the device
   * @param port the number of its port, 1 to 255
   */
  public static List<GidEntry> read(Path sysRoot, String device, int port) {
    Path folder = portFolder(sysRoot, device, port);
    boolean infiniBand =
        SysFiles.text(folder.resolve("link_layer")).filter("InfiniBand"::equals).isPresent();
    List<GidEntry> entries = new ArrayList<>();
    int gap = 0;
    for (int index : SysFiles.numbers(folder.resolve("gids"), "")) {
      Optional<Gid> gid = row(folder, index);
      if (gid.isPresent()) {
        GidType type = type(folder, index, infiniBand);
        entries.add(new GidEntry(index, gid.get(), type, netdev(folder, index)));
        gap = 0;
      } else if (++gap >= GAP_MAX) {
        break;
      }
    }
    return entries;
  }

  /** {@return whether that row is filled} */
  static boolean has(Path sysRoot, String device, int port, int index) {
    return row(portFolder(sysRoot, device, port), index).isPresent();
  }

  /** {@return whether any row is filled} */
  static boolean hasAny(Path sysRoot, String device, int port) {
    Path folder = portFolder(sysRoot, device, port);
    return SysFiles.numbers(folder.resolve("gids"), "").stream()
        .limit(GAP_MAX)
        .anyMatch(index -> row(folder, index).isPresent());
  }

  private static Path portFolder(Path sysRoot, String device, int port) {
    return sysRoot
        .resolve("class/infiniband")
        .resolve(device)
        .resolve("ports")
        .resolve(Integer.toString(port));
  }

  private static Optional<Gid> row(Path folder, int index) {
    return SysFiles.text(folder.resolve("gids").resolve(Integer.toString(index)))
        .flatMap(Gid::parseSysfs)
        .filter(gid -> !gid.isNull());
  }

  /** The kernel has one text for InfiniBand and RoCE v1; the link layer tells which. */
  private static GidType type(Path folder, int index, boolean infiniBand) {
    String text = SysFiles.text(attribute(folder, "types", index)).orElse("");
    return switch (text) {
      case "RoCE v2" -> GidType.ROCE_V2;
      case "IB/RoCE v1" -> infiniBand ? GidType.INFINIBAND : GidType.ROCE_V1;
      default -> infiniBand ? GidType.INFINIBAND : GidType.UNKNOWN;
    };
  }

  private static Optional<String> netdev(Path folder, int index) {
    return SysFiles.text(attribute(folder, "ndevs", index))
        .filter(name -> NETDEV.matcher(name).matches());
  }

  private static Path attribute(Path folder, String kind, int index) {
    return folder.resolve("gid_attrs").resolve(kind).resolve(Integer.toString(index));
  }
}
