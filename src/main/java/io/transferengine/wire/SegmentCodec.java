// SPDX-License-Identifier: Apache-2.0
package io.transferengine.wire;

import io.transferengine.access.AccessRights;
import io.transferengine.logging.Printable;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** The segment descriptor and the priority matrix (protocol sections 4 and 8). */
final class SegmentCodec {
  /**
   * Our own member of a segment that offers RDMA: buffers that only TCP reaches. Among the others,
   * without keys, they would make the descriptor useless to C++ readers.
   */
  private static final String TCP_BUFFERS = "te_tcp_buffers";

  /** Our own member; C++ readers pass over it. */
  private static final String TCP_CHECKSUM = "te_tcp_checksum";

  /** Our own member; C++ readers pass over it. */
  private static final String TCP_IDENTITY = "te_tcp_identity";

  /** Our own member; C++ readers pass over it. */
  private static final String TCP_VECTOR = "te_tcp_vector";

  /** Our own member; C++ readers pass over it. */
  private static final String TLS = "te_tls";

  /** Our own member of a buffer that peers may only read, or only write; C++ passes over it. */
  private static final String ACCESS = "te_access";

  /** Our own member of a buffer that is reached on its owner's machine; C++ passes over it. */
  private static final String FENCE = "te_fence";

  private static final String MEMORY = "te_memory";

  /** Written by C++ engines since 2026-09, in rpc_meta records too. */
  static final String METADATA_VERSION = "metadata_version";

  /** The usual length of a buffer's text; decides the size of the output buffer. */
  private static final int BUFFER_TEXT_BYTES = 96;

  private static final String WHAT = "the segment descriptor";

  private SegmentCodec() {}

  static byte[] encode(SegmentDescriptor descriptor) {
    if (!descriptor.isSupported()) {
      throw new TransferException(
          ErrorCode.NOT_IMPLEMENTED,
          "descriptors of protocol \"" + descriptor.protocol() + "\" are not written",
          "Publish tcp or rdma");
    }
    DescriptorRules.check(descriptor);
    // A stock C++ reader dies of an array here. If we offer both, we write rdma: that form holds
    // the TCP port too.
    boolean rdma = descriptor.offers(SegmentDescriptor.RDMA);
    JsonWriter out = new JsonWriter(512 + descriptor.buffers().size() * BUFFER_TEXT_BYTES);
    out.beginObject().member("buffers").beginArray();
    boolean tcpOnly = false;
    for (BufferDescriptor buffer : descriptor.buffers()) {
      if (rdma && buffer.rkeys().isEmpty()) {
        tcpOnly = true;
      } else {
        writeBuffer(out, buffer, rdma);
      }
    }
    out.endArray();
    if (rdma) {
      out.member("devices").beginArray();
      for (DeviceDescriptor device : descriptor.devices()) {
        out.beginObject().member("gid").value(device.gid());
        out.member("lid").unsigned(device.lid() & 0xffff);
        out.member("name").value(device.name()).endObject();
      }
      out.endArray();
    }
    if (descriptor.metadataVersion() != 0) {
      out.member(METADATA_VERSION).unsigned(descriptor.metadataVersion());
    }
    out.member("name").value(descriptor.name());
    if (rdma) {
      writeMatrix(out.member("priority_matrix"), descriptor.priorityMatrix());
    }
    out.member("protocol").value(rdma ? SegmentDescriptor.RDMA : SegmentDescriptor.TCP);
    descriptor.rdmaServerName().ifPresent(name -> out.member("rdma_server_name").value(name));
    if (!descriptor.tcpDataHost().isEmpty()) {
      out.member("tcp_data_host").value(descriptor.tcpDataHost());
    }
    out.member("tcp_data_port").unsigned(descriptor.tcpDataPort());
    out.member("tcp_proto_version").unsigned(descriptor.tcpProtoVersion());
    descriptor.host().ifPresent(host -> HostCodec.write(out, host));
    descriptor
        .incarnation()
        .ifPresent(text -> out.member(SegmentDescriptor.INCARNATION).value(text));
    if (tcpOnly) {
      writeTcpBuffers(out.member(TCP_BUFFERS), descriptor.buffers());
    }
    if (descriptor.tcpChecksumVersion() != 0) {
      out.member(TCP_CHECKSUM).unsigned(descriptor.tcpChecksumVersion());
    }
    if (descriptor.tcpIdentityVersion() != 0) {
      out.member(TCP_IDENTITY).unsigned(descriptor.tcpIdentityVersion());
    }
    if (descriptor.tcpVectorVersion() != 0) {
      out.member(TCP_VECTOR).unsigned(descriptor.tcpVectorVersion());
    }
    if (descriptor.tls() != SegmentDescriptor.TLS_NOBODY) {
      out.member(TLS).unsigned(descriptor.tls());
    }
    out.member("timestamp").value(descriptor.timestamp()).endObject();
    return out.toBytes();
  }

  private static void writeTcpBuffers(JsonWriter out, List<BufferDescriptor> buffers) {
    out.beginArray();
    for (BufferDescriptor buffer : buffers) {
      if (buffer.rkeys().isEmpty()) {
        writeBuffer(out, buffer, false);
      }
    }
    out.endArray();
  }

  private static void writeBuffer(JsonWriter out, BufferDescriptor buffer, boolean rdma) {
    out.beginObject().member("addr").unsigned(buffer.address());
    out.member("length").unsigned(buffer.lengthBytes());
    if (rdma) {
      writeNumbers(out.member("lkey"), buffer.lkeys());
    }
    out.member("name").value(buffer.name());
    if (rdma) {
      writeNumbers(out.member("rkey"), buffer.rkeys());
    }
    switch (buffer.rights()) {
      case READ_WRITE -> {}
      case READ_ONLY -> out.member(ACCESS).value("read");
      case WRITE_ONLY -> out.member(ACCESS).value("write");
    }
    if (buffer.fence() != 0) {
      out.member(FENCE).unsigned(buffer.fence());
    }
    if (!buffer.memory().isEmpty()) {
      out.member(MEMORY).value(buffer.memory());
    }
    out.endObject();
  }

  static void writeNumbers(JsonWriter out, List<Long> numbers) {
    out.beginArray();
    for (long number : numbers) {
      out.unsigned(number);
    }
    out.endArray();
  }

  static void writeMatrix(JsonWriter out, Map<String, List<List<String>>> matrix) {
    Map<String, List<List<String>>> sorted = new TreeMap<>(JsonWriter.BYTE_ORDER);
    sorted.putAll(matrix);
    out.beginObject();
    sorted.forEach(
        (location, lists) -> {
          out.member(location).beginArray();
          for (List<String> nics : lists) {
            out.beginArray();
            nics.forEach(out::value);
            out.endArray();
          }
          out.endArray();
        });
    out.endObject();
  }

  static Optional<SegmentDescriptor> decode(byte[] json) {
    return JsonReader.parse(
        json, WHAT, in -> in.beginObject() ? Optional.of(readSegment(in)) : Optional.empty());
  }

  private static SegmentDescriptor readSegment(JsonReader in) throws IOException {
    SegmentDescriptor.Builder builder = SegmentDescriptor.builder("", "");
    builder.protocols(List.of());
    List<BufferDescriptor> tcpBuffers = List.of();
    for (String member = in.nextMember(); member != null; member = in.nextMember()) {
      switch (member) {
        case "name" -> builder.name(in.text());
        case "protocol" -> builder.protocols(readProtocols(in));
        case METADATA_VERSION -> builder.metadataVersion(in.unsigned(Long.MAX_VALUE));
        case "tcp_data_host" -> builder.tcpDataHost(in.text());
        case "tcp_data_port" -> builder.tcpDataPort(in.unsignedInt(65_535));
        case "tcp_proto_version" -> builder.tcpProtoVersion(readVersion(in));
        case "timestamp" -> builder.timestamp(in.text());
        case "rdma_server_name" -> builder.rdmaServerName(nonEmpty(in.text()));
        case TCP_CHECKSUM -> builder.tcpChecksumVersion(in.unsignedInt(Integer.MAX_VALUE));
        case TCP_IDENTITY -> builder.tcpIdentityVersion(in.unsignedInt(Integer.MAX_VALUE));
        case TLS -> builder.tls(in.unsignedInt(Integer.MAX_VALUE));
        case TCP_VECTOR -> builder.tcpVectorVersion(in.unsignedInt(Integer.MAX_VALUE));
        case SegmentDescriptor.INCARNATION -> builder.incarnation(nonEmpty(in.text()));
        case HostCodec.HOST -> builder.host(HostCodec.read(in));
        case "buffers" -> builder.buffers(readBuffers(in));
        case TCP_BUFFERS -> tcpBuffers = readBuffers(in);
        case "devices" -> builder.devices(readDevices(in));
        case "priority_matrix" -> builder.priorityMatrix(readMatrix(in));
        default -> in.skip();
      }
    }
    if (!tcpBuffers.isEmpty()) {
      List<BufferDescriptor> all = new ArrayList<>(builder.buffers());
      all.addAll(tcpBuffers);
      in.requireCount(all.size(), JsonLimits.BUFFERS_MAX);
      builder.buffers(all);
    }
    SegmentDescriptor descriptor = withUsableBuffers(builder.build());
    DescriptorRules.check(descriptor);
    return descriptor;
  }

  /**
   * Of a multi-protocol segment, keeps only the ranges of transports that we speak. The ranges of
   * others, such as cxl, have no addresses.
   */
  private static SegmentDescriptor withUsableBuffers(SegmentDescriptor descriptor) {
    if (descriptor.protocols().size() < 2) {
      return descriptor;
    }
    return descriptor.withBuffers(
        descriptor.buffers().stream()
            .filter(
                buffer ->
                    buffer.protocol().isEmpty()
                        || buffer.protocol().equals(SegmentDescriptor.TCP)
                        || buffer.protocol().equals(SegmentDescriptor.RDMA))
            .toList());
  }

  private static Optional<String> nonEmpty(String text) {
    return text.isEmpty() ? Optional.empty() : Optional.of(text);
  }

  private static int readVersion(JsonReader in) throws IOException {
    return in.isNull() ? 1 : in.unsignedInt(Integer.MAX_VALUE);
  }

  private static List<String> readProtocols(JsonReader in) throws IOException {
    if (in.isArray()) {
      return readTexts(in);
    }
    // Multi-protocol builds write a list, as an array or as one text with commas.
    List<String> protocols = new ArrayList<>();
    for (String protocol : in.text().split(",", JsonLimits.LIST_LENGTH_MAX)) {
      if (!protocol.isBlank()) {
        protocols.add(protocol.strip());
      }
    }
    return protocols;
  }

  private static List<String> readTexts(JsonReader in) throws IOException {
    List<String> texts = new ArrayList<>();
    if (in.beginArray()) {
      while (in.nextElement()) {
        texts.add(in.text());
        in.requireCount(texts.size(), JsonLimits.LIST_LENGTH_MAX);
      }
    }
    return texts;
  }

  private static List<BufferDescriptor> readBuffers(JsonReader in) throws IOException {
    List<BufferDescriptor> buffers = new ArrayList<>();
    String previousName = "";
    if (in.beginArray()) {
      while (in.nextElement()) {
        BufferDescriptor buffer = readBuffer(in, previousName);
        previousName = buffer.name();
        buffers.add(buffer);
        in.requireCount(buffers.size(), JsonLimits.BUFFERS_MAX);
      }
    }
    return buffers;
  }

  /**
   * @param previousName is reused if the name is equal: the buffers of a segment share few names
   */
  private static BufferDescriptor readBuffer(JsonReader in, String previousName)
      throws IOException {
    String name = "";
    String protocol = "";
    long address = 0;
    long lengthBytes = 0;
    List<Long> rkeys = List.of();
    List<Long> lkeys = List.of();
    AccessRights rights = AccessRights.READ_WRITE;
    long fence = 0;
    String memory = "";
    if (in.beginObject()) {
      for (String member = in.nextMember(); member != null; member = in.nextMember()) {
        switch (member) {
          case "name" -> name = in.text();
          case "addr" -> address = in.unsigned(-1L);
          case "length" -> lengthBytes = in.unsigned(Long.MAX_VALUE);
          case "rkey" -> rkeys = readNumbers(in);
          case "lkey" -> lkeys = readNumbers(in);
          case "protocol" -> protocol = in.text();
          case ACCESS -> rights = rights(in.text());
          case FENCE -> fence = in.unsignedIfOne(-1L);
          case MEMORY -> memory = in.text();
          default -> in.skip();
        }
      }
    }
    return new BufferDescriptor(
        name.equals(previousName) ? previousName : name,
        address,
        lengthBytes,
        rkeys,
        lkeys,
        protocol,
        rights,
        fence,
        memory);
  }

  /** What we do not know may be anything: the owner decides when it is asked. */
  private static AccessRights rights(String text) {
    return switch (text) {
      case "read" -> AccessRights.READ_ONLY;
      case "write" -> AccessRights.WRITE_ONLY;
      default -> AccessRights.READ_WRITE;
    };
  }

  static List<Long> readNumbers(JsonReader in) throws IOException {
    List<Long> numbers = new ArrayList<>(2);
    if (in.beginArray()) {
      while (in.nextElement()) {
        numbers.add(in.unsigned(DescriptorRules.UINT32_MAX));
        in.requireCount(numbers.size(), JsonLimits.LIST_LENGTH_MAX);
      }
    }
    return numbers;
  }

  private static List<DeviceDescriptor> readDevices(JsonReader in) throws IOException {
    List<DeviceDescriptor> devices = new ArrayList<>();
    if (in.beginArray()) {
      while (in.nextElement()) {
        devices.add(readDevice(in));
        in.requireCount(devices.size(), JsonLimits.LIST_LENGTH_MAX);
      }
    }
    return devices;
  }

  private static DeviceDescriptor readDevice(JsonReader in) throws IOException {
    String name = "";
    int lid = 0;
    String gid = "";
    if (in.beginObject()) {
      for (String member = in.nextMember(); member != null; member = in.nextMember()) {
        switch (member) {
          case "name" -> name = in.text();
          case "lid" -> lid = in.unsignedInt(65_535);
          case "gid" -> gid = in.text();
          default -> in.skip();
        }
      }
    }
    return new DeviceDescriptor(name, lid, gid);
  }

  static Map<String, List<List<String>>> decodeMatrix(byte[] json) {
    return JsonReader.parse(json, "the priority matrix", SegmentCodec::readMatrix);
  }

  private static Map<String, List<List<String>>> readMatrix(JsonReader in) throws IOException {
    Map<String, List<List<String>>> matrix = new TreeMap<>(JsonWriter.BYTE_ORDER);
    if (in.beginObject()) {
      for (String location = in.nextMember(); location != null; location = in.nextMember()) {
        if (!in.isArray()) {
          throw in.wrong("an array of two arrays of NIC names");
        }
        in.requireWholeCharacters(location);
        matrix.put(location, readMatrixEntry(in, location));
        in.requireCount(matrix.size(), JsonLimits.LIST_LENGTH_MAX);
      }
    }
    return matrix;
  }

  private static List<List<String>> readMatrixEntry(JsonReader in, String location)
      throws IOException {
    List<List<String>> lists = new ArrayList<>(2);
    in.beginArray();
    while (in.nextElement()) {
      if (!in.isArray() || lists.size() == 2) {
        throw in.wrong("one of two arrays of NIC names");
      }
      lists.add(readTexts(in));
    }
    if (lists.size() != 2) {
      throw new TransferException(
          ErrorCode.MALFORMED_JSON,
          "the priority matrix has "
              + lists.size()
              + " lists of NICs for \""
              + Printable.of(location, 100)
              + "\"",
          "Give two: the preferred NICs, and the others");
    }
    return lists;
  }
}
