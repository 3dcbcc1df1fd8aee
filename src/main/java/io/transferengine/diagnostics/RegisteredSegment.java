// SPDX-License-Identifier: Apache-2.0
package io.transferengine.diagnostics;

import io.transferengine.transfer.HostPort;
import java.time.LocalDateTime;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * An engine that is registered in a metadata service. Its texts are a stranger's: do not print them
 * unchanged. Immutable; with the same parts they are equal.
 */
public final class RegisteredSegment {
  private final String name;
  private final @Nullable HostPort address;
  private final Presence presence;
  private final @Nullable Offer offer;

  /** Whether the engine answers at its registered address. */
  public enum Presence {
    /** The port accepts connections, and no other engine answers there. */
    REACHABLE,
    /** Its port does not accept connections, or is unknown. */
    UNREACHABLE,
    /** Another engine has its port. */
    REPLACED
  }

  /** What a segment offers to its peers. Immutable. */
  public static final class Offer {
    private final String protocol;
    private final int buffers;
    private final long bytes;
    private final @Nullable LocalDateTime changed;

    Offer(String protocol, int buffers, long bytes, Optional<LocalDateTime> changed) {
      this.protocol = protocol;
      this.buffers = buffers;
      this.bytes = bytes;
      this.changed = changed.orElse(null);
    }

    /** {@return its transport, such as {@code tcp} or {@code rdma}} */
    public String protocol() {
      return protocol;
    }

    /** {@return the number of registered ranges} */
    public int buffers() {
      return buffers;
    }

    /** {@return their total length} */
    public long bytes() {
      return bytes;
    }

    /**
     * {@return when it last registered or unregistered memory, else when it was started, by the
     * clock and in the time zone of its machine; empty if it does not say}
     */
    public Optional<LocalDateTime> changed() {
      return Optional.ofNullable(changed);
    }

    @Override
    public boolean equals(@Nullable Object other) {
      return other instanceof Offer that
          && Objects.equals(protocol, that.protocol)
          && buffers == that.buffers
          && bytes == that.bytes
          && Objects.equals(changed, that.changed);
    }

    @Override
    public int hashCode() {
      return Objects.hash(protocol, buffers, bytes, changed);
    }
  }

  RegisteredSegment(
      String name, Optional<HostPort> address, Presence presence, Optional<Offer> offer) {
    this.name = name;
    this.address = address.orElse(null);
    this.presence = presence;
    this.offer = offer.orElse(null);
  }

  /** {@return the segment's name} */
  public String name() {
    return name;
  }

  /** {@return the address of its handshake port; empty if the record cannot be read} */
  public Optional<HostPort> address() {
    return Optional.ofNullable(address);
  }

  /** {@return whether it answers now} */
  public Presence presence() {
    return presence;
  }

  /** {@return what it offers; empty if the record is absent or cannot be read} */
  public Optional<Offer> offer() {
    return Optional.ofNullable(offer);
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof RegisteredSegment that
        && Objects.equals(name, that.name)
        && Objects.equals(address, that.address)
        && presence == that.presence
        && Objects.equals(offer, that.offer);
  }

  @Override
  public int hashCode() {
    return Objects.hash(name, address, presence, offer);
  }

  /** {@return its name, its address and whether it answers} */
  @Override
  public String toString() {
    return name + " at " + (address == null ? "?" : address) + ", " + presence;
  }
}
