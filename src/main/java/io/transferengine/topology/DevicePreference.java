// SPDX-License-Identifier: Apache-2.0
package io.transferengine.topology;

import java.util.List;
import java.util.Set;

/**
 * The devices for one kind of memory, in order of preference.
 *
 * @param preferred names of devices that are near
 * @param available names of all others
 */
public record DevicePreference(List<String> preferred, List<String> available) {
  /** Copies the lists. */
  public DevicePreference {
    preferred = List.copyOf(preferred);
    available = List.copyOf(available);
  }

  boolean isEmpty() {
    return preferred.isEmpty() && available.isEmpty();
  }

  DevicePreference restrictedTo(Set<String> names) {
    return new DevicePreference(
        preferred.stream().filter(names::contains).toList(),
        available.stream().filter(names::contains).toList());
  }
}
