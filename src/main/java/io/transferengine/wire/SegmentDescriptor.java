// SPDX-License-Identifier: Apache-2.0
package io.transferengine.wire;

import io.transferengine.transfer.HostPort;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * A process's registered memory, and how to reach it (protocol section 4). Immutable.
 *
 * @param name the segment's name, which readers use as an address: {@code host:port} in P2P mode
 * @param protocols the transports it offers; only multi-protocol peers offer more than one
 * @param tcpDataPort the port of its TCP transport, 0 to 65535; 0 if it has none
 * @param tcpProtoVersion 1, or 2 for acknowledged framing; 1 if the member is missing
 * @param tcpVectorVersion the form of vectored requests that its TCP transport takes, 0 for none;
 *     our own member, unknown to C++
 * @param tcpIdentityVersion the form of the frame that asks its TCP transport whether it is the
 *     intended one, 0 for none; our own member, unknown to C++
 * @param tcpChecksumVersion the form of checksums that its TCP transport takes, 0 for none; our own
 *     member, unknown to C++
 * @param tls from whom its ports want TLS: {@link #TLS_NOBODY}, {@link #TLS_ALL}, {@link
 *     #TLS_MOST}, or a value of a later form; our own member, unknown to C++
 * @param timestamp the owner's local time, for people; see {@link MetadataCodec#timestamp}
 * @param rdmaServerName the server part of its NIC paths, if that is not {@code name}
 * @param buffers its registered ranges in order of registration
 * @param devices its NICs; empty for TCP
 * @param priorityMatrix for each memory location, such as {@code cpu:0}, two lists: the preferred
 *     NICs and the others; iterates in byte order of the keys
 * @param incarnation a text that changes when its owner restarts; our own member, unknown to C++
 * @param tcpDataHost the host of its TCP transport, if that is not the host of its RPC port; else
 *     empty
 * @param metadataVersion grows with each publication in a metadata service, by its owner's clock in
 *     microseconds; 0 if it is not stated, as in P2P mode
 * @param host where it can be reached on its own machine; our own member, unknown to C++
 */
public record SegmentDescriptor(
    String name,
    List<String> protocols,
    int tcpDataPort,
    int tcpProtoVersion,
    int tcpVectorVersion,
    int tcpIdentityVersion,
    int tcpChecksumVersion,
    int tls,
    String timestamp,
    Optional<String> rdmaServerName,
    List<BufferDescriptor> buffers,
    List<DeviceDescriptor> devices,
    Map<String, List<List<String>>> priorityMatrix,
    Optional<String> incarnation,
    String tcpDataHost,
    long metadataVersion,
    Optional<HostDescriptor> host) {
  /** The JSON member that holds the incarnation. It is our own; C++ readers pass over it. */
  static final String INCARNATION = "te_incarnation";

  /** Its ports speak no TLS. So it is with a record that does not say. */
  public static final int TLS_NOBODY = 0;

  /** Its ports speak TLS with every peer. */
  public static final int TLS_ALL = 1;

  /** Its ports speak TLS, but not with peers at some addresses. */
  public static final int TLS_MOST = 2;

  /** The protocol of segments reached over TCP only. */
  public static final String TCP = "tcp";

  /** The protocol of segments reached over RDMA. */
  public static final String RDMA = "rdma";

  /** Copies the collections. */
  public SegmentDescriptor {
    protocols = List.copyOf(protocols);
    buffers = List.copyOf(buffers);
    devices = List.copyOf(devices);
    priorityMatrix = copyOf(priorityMatrix);
  }

  private static Map<String, List<List<String>>> copyOf(Map<String, List<List<String>>> matrix) {
    Map<String, List<List<String>>> copy = new TreeMap<>(JsonWriter.BYTE_ORDER);
    matrix.forEach(
        (location, nics) -> copy.put(location, nics.stream().map(List::copyOf).toList()));
    return Collections.unmodifiableMap(copy);
  }

  /** {@return a builder of a descriptor without buffers, in the form that every engine reads} */
  public static Builder builder(String name) {
    return builder(name, TCP);
  }

  /** {@return a builder of a descriptor without buffers, for one protocol} */
  public static Builder builder(String name, String protocol) {
    return new Builder(name, List.of(protocol));
  }

  /** {@return a builder that starts from this descriptor} */
  public Builder toBuilder() {
    return new Builder(name, protocols)
        .tcpDataPort(tcpDataPort)
        .tcpProtoVersion(tcpProtoVersion)
        .tcpVectorVersion(tcpVectorVersion)
        .tcpIdentityVersion(tcpIdentityVersion)
        .tcpChecksumVersion(tcpChecksumVersion)
        .tls(tls)
        .timestamp(timestamp)
        .rdmaServerName(rdmaServerName)
        .buffers(buffers)
        .devices(devices)
        .priorityMatrix(priorityMatrix)
        .incarnation(incarnation)
        .tcpDataHost(tcpDataHost)
        .metadataVersion(metadataVersion)
        .host(host);
  }

  /** {@return this descriptor with other buffers} */
  public SegmentDescriptor withBuffers(List<BufferDescriptor> buffers) {
    return toBuilder().buffers(buffers).build();
  }

  /**
   * {@return this descriptor with the data port that its engine listens on} Engines before 0.3.5 do
   * not state it: it is their RPC port plus one (protocol section 7.5).
   *
   * @param rpcPort where its handshake daemon listens
   */
  public SegmentDescriptor withDataPort(int rpcPort) {
    boolean named = tcpDataPort != 0 || !offers(TCP);
    return named || rpcPort == HostPort.PORT_MAX
        ? this
        : toBuilder().tcpDataPort(rpcPort + 1).build();
  }

  /**
   * {@return the host of its data port} The data port and the RPC port may be on different networks
   * of the machine.
   *
   * @param rpcHost the host of its RPC port
   */
  public String dataHost(String rpcHost) {
    return tcpDataHost.isEmpty() ? rpcHost : tcpDataHost;
  }

  /** {@return this descriptor with another timestamp} */
  public SegmentDescriptor withTimestamp(String timestamp) {
    return toBuilder().timestamp(timestamp).build();
  }

  /**
   * {@return one of its protocols: {@code tcp} if offered, else {@code rdma} if offered, else the
   * first; empty if it offers no protocol}
   */
  public String protocol() {
    if (protocols.contains(TCP)) {
      return TCP;
    }
    return protocols.contains(RDMA) ? RDMA : protocols.isEmpty() ? "" : protocols.getFirst();
  }

  /** {@return whether the segment offers {@code protocol}} */
  public boolean offers(String protocol) {
    return protocols.contains(protocol);
  }

  /** {@return whether it offers a protocol that this engine speaks, {@code tcp} or {@code rdma}} */
  public boolean isSupported() {
    return offers(TCP) || offers(RDMA);
  }

  /** Collects the members of a descriptor. Not thread-safe. */
  public static final class Builder {
    private String name;
    private List<String> protocols;
    private int tcpDataPort;
    private int tcpProtoVersion = 1;
    private int tcpVectorVersion;
    private int tcpIdentityVersion;
    private int tcpChecksumVersion;
    private int tls;
    private String timestamp = "";
    private Optional<String> rdmaServerName = Optional.empty();
    private List<BufferDescriptor> buffers = List.of();
    private List<DeviceDescriptor> devices = List.of();
    private Map<String, List<List<String>>> priorityMatrix = Map.of();
    private Optional<String> incarnation = Optional.empty();
    private String tcpDataHost = "";
    private long metadataVersion;
    private Optional<HostDescriptor> host = Optional.empty();

    private Builder(String name, List<String> protocols) {
      this.name = name;
      this.protocols = protocols;
    }

    /** Sets the name. */
    public Builder name(String name) {
      this.name = name;
      return this;
    }

    /** Sets the transports that the segment offers. */
    public Builder protocols(List<String> protocols) {
      this.protocols = protocols;
      return this;
    }

    /** Sets the port of the TCP transport, 0 to 65535. */
    public Builder tcpDataPort(int tcpDataPort) {
      this.tcpDataPort = tcpDataPort;
      return this;
    }

    /** Sets the version of the TCP framing. */
    public Builder tcpProtoVersion(int tcpProtoVersion) {
      this.tcpProtoVersion = tcpProtoVersion;
      return this;
    }

    /** Sets the form of vectored requests, 0 for none. */
    public Builder tcpVectorVersion(int tcpVectorVersion) {
      this.tcpVectorVersion = tcpVectorVersion;
      return this;
    }

    /** Sets the form of the identity frame, 0 for none. */
    public Builder tcpIdentityVersion(int tcpIdentityVersion) {
      this.tcpIdentityVersion = tcpIdentityVersion;
      return this;
    }

    /** Sets the form of checksums, 0 for none. */
    public Builder tcpChecksumVersion(int tcpChecksumVersion) {
      this.tcpChecksumVersion = tcpChecksumVersion;
      return this;
    }

    /** Sets from whom the ports want TLS. */
    public Builder tls(int tls) {
      this.tls = tls;
      return this;
    }

    /** Sets the time. */
    public Builder timestamp(String timestamp) {
      this.timestamp = timestamp;
      return this;
    }

    /** Sets the server part of the NIC paths. */
    public Builder rdmaServerName(Optional<String> rdmaServerName) {
      this.rdmaServerName = rdmaServerName;
      return this;
    }

    /** Sets the registered ranges. */
    public Builder buffers(List<BufferDescriptor> buffers) {
      this.buffers = buffers;
      return this;
    }

    /** Sets the NICs. */
    public Builder devices(List<DeviceDescriptor> devices) {
      this.devices = devices;
      return this;
    }

    /** Sets the priority matrix. */
    public Builder priorityMatrix(Map<String, List<List<String>>> priorityMatrix) {
      this.priorityMatrix = priorityMatrix;
      return this;
    }

    /** Sets the incarnation. */
    public Builder incarnation(Optional<String> incarnation) {
      this.incarnation = incarnation;
      return this;
    }

    /** Sets the host of the TCP transport; empty for the host of the RPC port. */
    public Builder tcpDataHost(String tcpDataHost) {
      this.tcpDataHost = tcpDataHost;
      return this;
    }

    /** Sets the version of the publication, in microseconds; 0 for none. */
    public Builder metadataVersion(long metadataVersion) {
      this.metadataVersion = metadataVersion;
      return this;
    }

    /** Sets where it can be reached on its own machine. */
    public Builder host(Optional<HostDescriptor> host) {
      this.host = host;
      return this;
    }

    /** {@return the buffers so far} */
    public List<BufferDescriptor> buffers() {
      return buffers;
    }

    /** {@return the descriptor} */
    public SegmentDescriptor build() {
      return new SegmentDescriptor(
          name,
          protocols,
          tcpDataPort,
          tcpProtoVersion,
          tcpVectorVersion,
          tcpIdentityVersion,
          tcpChecksumVersion,
          tls,
          timestamp,
          rdmaServerName,
          buffers,
          devices,
          priorityMatrix,
          incarnation,
          tcpDataHost,
          metadataVersion,
          host);
    }
  }
}
