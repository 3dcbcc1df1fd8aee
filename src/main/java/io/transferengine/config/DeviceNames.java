// SPDX-License-Identifier: Apache-2.0
package io.transferengine.config;

import java.util.regex.Pattern;

/** RDMA device names separated by commas, as in {@code MC_TE_FILTERS}. */
final class DeviceNames {
  /**
   * The characters of names by the kernel's drivers and udev. The kernel's limit is 64, with the
   * final zero.
   */
  static final String NAME = "[A-Za-z0-9._-]{1,63}";

  private static final Pattern LIST = Pattern.compile("(?:" + NAME + "(?:," + NAME + ")*)?");

  private DeviceNames() {}

  static Form<String> form() {
    return new Form<>(
        text -> text,
        value -> LIST.matcher(value).matches(),
        "device names separated by commas, e.g. mlx5_0,mlx5_1",
        false);
  }
}
