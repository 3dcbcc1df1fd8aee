// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import io.transferengine.access.AccessRights;
import java.util.Objects;

/**
 * How memory is registered: where it is, and what peers may do with it. Immutable; each {@code
 * with} method returns a copy.
 */
public final class RegistrationOptions {
  /** Memory at no known place, which peers may read and write. */
  public static final RegistrationOptions DEFAULT =
      new RegistrationOptions("*", AccessRights.READ_WRITE);

  private final String location;
  private final AccessRights rights;

  private RegistrationOptions(String location, AccessRights rights) {
    this.location = Objects.requireNonNull(location, "location must not be null");
    this.rights = Objects.requireNonNull(rights, "rights must not be null");
  }

  /**
   * {@return these options with another location}
   *
   * @param location {@code cpu:N} for memory of NUMA node N, so that RDMA prefers the devices of
   *     that node; {@code cuda:N} for memory of CUDA device N, as this process counts devices;
   *     {@code *} if it is not known. Then what the processor may read and write is host memory,
   *     and of anything else NVIDIA's driver is asked whose it is, if this process has loaded it
   */
  public RegistrationOptions withLocation(String location) {
    return new RegistrationOptions(location, rights);
  }

  /**
   * {@return these options with other rights}
   *
   * <p>Over TCP the engine checks each request of a peer. Over RDMA the network card does so. What
   * a peer is refused looks to it like memory that is not registered. The engine's own transfers
   * are not bound by it: they may use the memory as their source and as their destination.
   *
   * @param rights what peers may do with the memory
   */
  public RegistrationOptions withRights(AccessRights rights) {
    return new RegistrationOptions(location, rights);
  }

  /** {@return where the memory is} */
  public String location() {
    return location;
  }

  /** {@return what peers may do with it} */
  public AccessRights rights() {
    return rights;
  }

  /** Two are equal if all options are. */
  @Override
  public boolean equals(Object other) {
    return other instanceof RegistrationOptions that
        && location.equals(that.location)
        && rights == that.rights;
  }

  @Override
  public int hashCode() {
    return Objects.hash(location, rights);
  }

  /** {@return location and rights, for people} */
  @Override
  public String toString() {
    return "location " + location + ", peers may " + rights.text();
  }
}
