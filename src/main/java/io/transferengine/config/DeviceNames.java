// SPDX-License-Identifier: Apache-2.0
package io.transferengine.config;

import java.util.regex.Pattern;

/** Names of RDMA devices with commas between them, as {@code MC_TE_FILTERS} has them. */
final class DeviceNames {
  /** What the kernel's drivers and udev make names of; 64 with the final zero is its limit. */
  static final String NAME = "[A-Za-z0-9._-]{1,63}";

  private static final Pattern LIST = Pattern.compile("(?:" + NAME + "(?:," + NAME + ")*)?");

  private DeviceNames() {}

  static Form<String> form() {
    return new Form<>(
        text -> text,
        value -> LIST.matcher(value).matches(),
        "names of devices with commas between them, e.g. mlx5_0,mlx5_1",
        false);
  }
}
