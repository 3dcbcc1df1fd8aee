// SPDX-License-Identifier: Apache-2.0
package io.transferengine.wire;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** What the C++ engine sent decodes, and encodes to the same bytes again. */
class GoldenCodecTest {
  @ParameterizedTest
  @FieldSource("io.transferengine.wire.Golden#HANDSHAKE_FRAMES")
  void handshakePayloadSurvivesTheRoundTrip(String name) {
    byte[] json = Golden.payload(name);
    byte[] again =
        switch (Golden.bytes(name)[8]) {
          case 0 -> MetadataCodec.encode(MetadataCodec.decodeHandshake(json).orElseThrow());
          case 1 -> MetadataCodec.encode(MetadataCodec.decodeSegment(json).orElseThrow());
          case 2 -> MetadataCodec.encode(MetadataCodec.decodeNotify(json));
          default -> {
            MetadataCodec.requireWellFormed(json);
            yield new String(json, StandardCharsets.US_ASCII)
                .strip()
                .getBytes(StandardCharsets.US_ASCII);
          }
        };
    assertThat(MetadataCodec.withNewline(again)).asString().isEqualTo(text(json));
    assertThat(MetadataCodec.withNewline(again)).isEqualTo(json);
  }

  @ParameterizedTest
  @FieldSource("io.transferengine.wire.Golden#HTTP")
  void httpBodySurvivesTheRoundTrip(String name) {
    for (String body : Golden.httpBodies(name)) {
      byte[] json = body.getBytes(StandardCharsets.US_ASCII);
      byte[] again =
          body.contains("rpc_port")
              ? MetadataCodec.encode(MetadataCodec.decodeRpcMeta(json))
              : MetadataCodec.encode(MetadataCodec.decodeSegment(json).orElseThrow());
      assertThat(text(again)).isEqualTo(body);
    }
  }

  @Test
  void httpRecordingsHoldBodies() {
    assertThat(Golden.HTTP.stream().mapToInt(name -> Golden.httpBodies(name).size()).sum())
        .isGreaterThanOrEqualTo(10);
  }

  @Test
  void tcpDescriptorDecodesToItsMembers() {
    SegmentDescriptor segment = segment("p2p-tcp-v2/01-port15271-response.bin");
    assertThat(segment)
        .isEqualTo(
            SegmentDescriptor.builder("127.0.0.1:15271", "tcp")
                .tcpDataPort(16201)
                .tcpProtoVersion(2)
                .timestamp("2026-11-22 10:22:35.106704")
                .buffers(List.of(new BufferDescriptor("127.0.0.1:15271", 140333229682688L, 65536)))
                .build());
  }

  @Test
  void rdmaDescriptorDecodesToItsMembers() {
    SegmentDescriptor segment = segment("p2p-rdma/01-port15657-response.bin");
    assertThat(segment.protocol()).isEqualTo("rdma");
    assertThat(segment.buffers())
        .containsExactly(
            new BufferDescriptor("cpu:0", 1207959552, 100663296, List.of(657L), List.of(657L)));
    assertThat(segment.devices())
        .containsExactly(
            new DeviceDescriptor("rxe1", 0, "00:00:00:00:00:00:00:00:00:00:ff:ff:0a:63:00:02"));
    assertThat(segment.priorityMatrix().keySet())
        .containsExactly("cpu:0", "cpu:1", "cuda:0", "maca:0", "musa:0");
    assertThat(segment.priorityMatrix().get("cuda:0"))
        .isEqualTo(List.of(List.of("rxe1"), List.of()));
  }

  @Test
  void connectionMessageDecodesToItsMembers() {
    HandshakeDescriptor message =
        MetadataCodec.decodeHandshake(Golden.payload("p2p-rdma/03-port15657-request.bin"))
            .orElseThrow();
    assertThat(message.localNicPath()).isEqualTo("10.99.0.1:16627@rxe0");
    assertThat(message.peerNicPath()).isEqualTo("10.99.0.2:15657@rxe1");
    assertThat(message.qpNums()).containsExactly(17L, 18L);
    assertThat(message.readyAck()).isEqualTo(Optional.of(true));
    assertThat(MetadataCodec.decodeHandshake(Golden.payload("p2p-rdma/03-port15657-response.bin")))
        .contains(HandshakeDescriptor.EMPTY);
  }

  private static SegmentDescriptor segment(String name) {
    return MetadataCodec.decodeSegment(Golden.payload(name)).orElseThrow();
  }

  private static String text(byte[] json) {
    return new String(json, StandardCharsets.UTF_8);
  }
}
