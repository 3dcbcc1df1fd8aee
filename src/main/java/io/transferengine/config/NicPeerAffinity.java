// SPDX-License-Identifier: Apache-2.0
package io.transferengine.config;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * The value of {@code MC_NIC_PEER_AFFINITY}: the devices of peers for each local device, such as
 * {@code mlx5_0=mlx5_0,mlx5_1;mlx5_1=mlx5_1}.
 */
public final class NicPeerAffinity {
  private static final Pattern RAIL =
      Pattern.compile("%1$s=%1$s(?:,%1$s)*".formatted(DeviceNames.NAME));

  private NicPeerAffinity() {}

  /**
   * {@return the peer's devices by the local device, both in the order of the text}
   *
   * @param text what {@link RdmaOptions#NIC_PEER_AFFINITY} has accepted; empty gives an empty map
   * @throws IllegalArgumentException for another text
   */
  public static Map<String, List<String>> parse(String text) {
    return read(text).orElseThrow(() -> new IllegalArgumentException(text));
  }

  static Form<String> form() {
    return new Form<>(
        text -> text,
        value -> read(value).isPresent(),
        "rails such as mlx5_0=mlx5_0,mlx5_1;mlx5_1=mlx5_1, each local device once",
        false);
  }

  private static Optional<Map<String, List<String>>> read(String text) {
    Map<String, List<String>> rails = new LinkedHashMap<>();
    // Scripts that put rails together usually leave a semicolon at the end.
    String trimmed = text.endsWith(";") ? text.substring(0, text.length() - 1) : text;
    if (text.isEmpty()) {
      return Optional.of(Map.of());
    }
    for (String rail : trimmed.split(";", -1)) {
      if (!RAIL.matcher(rail).matches()) {
        return Optional.empty();
      }
      int equals = rail.indexOf('=');
      List<String> peers = List.of(rail.substring(equals + 1).split(",", -1));
      if (rails.put(rail.substring(0, equals), peers) != null) {
        return Optional.empty();
      }
    }
    return Optional.of(Collections.unmodifiableMap(rails));
  }
}
