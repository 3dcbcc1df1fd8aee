// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metrics;

/** What an engine holds at the moment. It is looked at once a second or more often. */
public enum Gauge {
  /**
   * Bytes of answers that peers have asked for over TCP and that the kernel has not taken, because
   * they do not read, or not fast enough. Large blocks wait where they are registered, and so cost
   * no memory; small ones in the staging memory; with TLS some are encrypted, on the heap. What the
   * kernel holds is not in it.
   */
  INBOUND_BYTES_QUEUED("Inbound bytes queued"),
  /** Bytes of the staging memory that are in use, for peers' requests and our own. */
  STAGING_BYTES_IN_USE("Staging bytes in use"),
  /** Transfers that were accepted and have not ended. */
  TRANSFERS_UNDER_WAY("Transfers under way"),
  /**
   * Those of {@link #TRANSFERS_UNDER_WAY} of which no transport has taken bytes in hand: their peer
   * is being looked up or connected to, or others are before them.
   */
  TRANSFERS_WAITING("Transfers waiting"),
  /** Bytes of {@link #TRANSFERS_UNDER_WAY} that are not known to have reached their destination. */
  BYTES_UNDER_WAY("Bytes under way"),
  /** Registrations of the application, those included that are being ended. */
  REGISTRATIONS("Registrations"),
  /** Bytes of {@link #REGISTRATIONS} in host memory. */
  REGISTERED_BYTES_HOST("Registered bytes of host memory"),
  /** Bytes of {@link #REGISTRATIONS} in the memory of devices. */
  REGISTERED_BYTES_DEVICE("Registered bytes of device memory"),
  /** Pieces of host memory that the engine has taken from the system for what it allocates. */
  MANAGED_POOLS("Managed pools"),
  /**
   * Bytes that {@code TE_MANAGED_MEMORY_LIMIT_BYTES} counts: pools, and an empty one in reserve.
   */
  MANAGED_BYTES_RESERVED("Managed bytes reserved"),
  /** Bytes of host memory that were allocated and not freed. */
  MANAGED_BYTES_IN_USE("Managed bytes in use"),
  /** Bytes that the engine has taken from devices for what it allocates there. */
  MANAGED_DEVICE_BYTES_RESERVED("Managed bytes of device memory reserved"),
  /** Bytes of device memory that were allocated and not freed. */
  MANAGED_DEVICE_BYTES_IN_USE("Managed bytes of device memory in use"),
  /** Data connections that we have to peers. */
  LANES_OPEN("Lanes open"),
  /** Data connections that peers have to us. */
  INBOUND_CONNECTIONS_OPEN("Inbound connections open"),
  /** RDMA endpoints: devices of peers that devices of ours are connected to, or are about to be. */
  RDMA_ENDPOINTS_OPEN("RDMA endpoints open"),
  /**
   * Peers on this machine whose memory can be copied. That one has ended is noticed within some
   * seconds, or with the next copy.
   */
  LOCAL_PEERS_OPEN("Local peers open");

  private final String label;

  Gauge(String label) {
    this.label = label;
  }

  /** {@return its name, for people} */
  public String label() {
    return label;
  }
}
